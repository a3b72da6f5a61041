/** Words of the live wall. */

export const wall = {};
