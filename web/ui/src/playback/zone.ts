/** Days and hours of one time zone, 23 h and 25 h days included. Pure; instants are ms since 1970. */

export interface Wall {
  year: number;
  /** 1 to 12 */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const MINUTE = 60_000;
/** Offsets change on such marks only (Lord Howe: half past). */
const STEP = 15 * MINUTE;
const KEPT = 20_000;

export class Zone {
  private readonly format: Intl.DateTimeFormat;
  private readonly offsets = new Map<number, number>();

  /** `undefined`: the browser's own. */
  constructor(readonly name?: string) {
    const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
    this.format = new Intl.DateTimeFormat('en-US', { ...parts, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short', ...(name === undefined ? {} : { timeZone: name }) });
  }

  /** Local time minus UTC at that moment, in ms. */
  offset(time: number): number {
    const mark = Math.floor(time / STEP) * STEP;
    const known = this.offsets.get(mark);
    if (known !== undefined) return known;
    const found: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(mark)) found[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - mark;
    if (this.offsets.size >= KEPT) this.offsets.clear();
    this.offsets.set(mark, offset);
    return offset;
  }

  wall(time: number): Wall {
    const local = new Date(time + this.offset(time));
    return {
      year: local.getUTCFullYear(),
      month: local.getUTCMonth() + 1,
      day: local.getUTCDate(),
      hour: local.getUTCHours(),
      minute: local.getUTCMinutes(),
      second: local.getUTCSeconds(),
    };
  }

  /** The first moment with this local time; one that was left out counts from before the change. */
  instant(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
    const local = Date.UTC(year, month - 1, day, hour, minute, second);
    // The larger offset is the earlier moment.
    const offsets = [this.offset(local - 26 * 60 * MINUTE), this.offset(local + 26 * 60 * MINUTE)].sort((a, b) => b - a);
    for (const offset of offsets) if (local - offset + this.offset(local - offset) === local) return local - offset;
    return local - Math.min(...offsets);
  }

  startOfDay(time: number): number {
    const { year, month, day } = this.wall(time);
    return this.instant(year, month, day);
  }

  /** `by` days on, at their beginning. */
  day(time: number, by: number): number {
    const { year, month, day } = this.wall(time);
    const date = new Date(Date.UTC(year, month - 1, day + by));
    return this.instant(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
  }

  /** `by` months on, at their beginning. */
  month(time: number, by: number): number {
    const { year, month } = this.wall(time);
    const date = new Date(Date.UTC(year, month - 1 + by, 1));
    return this.instant(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }

  /** The days of the month, each from its beginning to the next. */
  daysOfMonth(time: number): { from: number; to: number }[] {
    const days: { from: number; to: number }[] = [];
    const end = this.month(time, 1);
    for (let from = this.month(time, 0); from < end; ) {
      const to = this.day(from, 1);
      days.push({ from, to });
      from = to;
    }
    return days;
  }
}

/** The zone's name if this browser knows it. */
export function known(name: string | undefined): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}

/** Whether their clocks show other times within a year of `time`; zones that differ by name alone do not. */
export function differ(one: Zone, other: Zone, time: number): boolean {
  const months = Array.from({ length: 25 }, (_, at) => time + (at - 12) * 30 * 24 * 60 * MINUTE);
  return months.some((month) => one.offset(month) !== other.offset(month));
}

/** `2026-11-20T09:41:00` for fields of date and time. */
export function fieldOf(zone: Zone, time: number): string {
  const { year, month, day, hour, minute, second } = zone.wall(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
}

export function ofField(zone: Zone, text: string): number | null {
  const parts = /^(\d{4,6})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?/.exec(text)?.slice(1).map((part) => Number(part ?? 0));
  if (!parts) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return zone.instant(year, month, day, hour, minute, second);
}
