/** Durations (`30d`) and sizes (`5 GiB`) as the configuration writes them: an amount and a unit. */

export interface Quantity {
  amount: number;
  unit: string;
}

/** Each unit in the smallest one; in the order in which they are offered. */
export const DURATIONS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const SIZES = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

export type Units = Readonly<Record<string, number>>;

/** `null`: not of these units, such as a reference to the environment. */
export function parse(text: string, units: Units): Quantity | null {
  const [, amount, unit] = /^(\d+) ?([a-zA-Z]+)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined || !(unit in units)) return null;
  return { amount: Number(amount), unit };
}

/** Durations without a space, sizes with one. */
export const write = ({ amount, unit }: Quantity, units: Units): string =>
  'ms' in units ? `${amount}${unit}` : `${amount} ${unit}`;
