/*-------------------------------------------------------------------------
 *
 * base_settings.h
 *	  Settings (GUC variables) of vecext.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_SETTINGS_H
#define VX_BASE_SETTINGS_H

/* Define every setting and reserve our prefixes; called once per backend. */
extern void vx_base_define_settings(void);

#endif							/* VX_BASE_SETTINGS_H */
