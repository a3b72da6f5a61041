/**
 * Where the recorder is: at the top of its address, or below a path of a reverse proxy. The recorder
 * writes that into `<base>` of the page it serves.
 */

const here: string | undefined = globalThis.document?.baseURI;

/** The path without a slash at its end: `''` or `/vigie`. */
export const base: string = here === undefined ? '' : baseOf(here);

export function baseOf(address: string): string {
  return new URL(address).pathname.replace(/\/[^/]*$/, '');
}

/** The address of a path of the recorder's, for the browser. */
export const at = (path: string, below = base): string => below + path;

/** The recorder's own path of an address of the browser's. */
export function within(path: string, below = base): string {
  return path === below || path.startsWith(`${below}/`) ? path.slice(below.length) || '/' : path;
}
