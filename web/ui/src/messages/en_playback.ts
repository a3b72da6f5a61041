/** Words of the playback page. */

export const replay = {};
