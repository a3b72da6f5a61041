/** Words of the settings and system pages. */

export const settings = {};
