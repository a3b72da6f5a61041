/** Who took an entry out of the configuration, as far as its history tells. */

import type { Place, Version } from '../api/config';

/** `null`: the history does not name it, or it was done in the file. */
export function removedBy(versions: readonly Version[], { table, id }: Place): string | null {
  const line = `${table} ${id}: removed`;
  const named = versions.filter(({ changes }) => changes.some((one) => one === line || one.startsWith(`${line},`)));
  return named.sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0]?.by ?? null;
}
