/*-------------------------------------------------------------------------
 *
 * base_settings.h
 *	  Settings (GUC variables) of vecext.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_BASE_SETTINGS_H
#define VX_BASE_SETTINGS_H

/* Define the settings that belong to no other area. */
extern void vx_base_define_settings(void);

/* Reserve our prefixes, once all areas have defined their settings. */
extern void vx_base_reserve_prefixes(void);

#endif							/* VX_BASE_SETTINGS_H */
