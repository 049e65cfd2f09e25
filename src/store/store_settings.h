/*-------------------------------------------------------------------------
 *
 * store_settings.h
 *	  Settings of the vector store.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_STORE_SETTINGS_H
#define VX_STORE_SETTINGS_H

extern void vx_store_define_settings(void);

#endif							/* VX_STORE_SETTINGS_H */
