import { t } from '../messages';

/** One fault of a configuration, in the recorder's own words. */
export interface Fault {
  /** Of the file as it would be, counted from 1. */
  line: number;
  /** The field, such as `camera[1] "gate".main.url`. */
  path: string;
  text: string;
}

/** What browsers throw instead of an answer, by its name. */
const OBSTACLES: Readonly<Record<string, keyof typeof t.common.problem.kinds>> = {
  TypeError: 'unreachable',
  NetworkError: 'unreachable',
  TimeoutError: 'late',
  AbortError: 'given_up',
  SyntaxError: 'garbled',
  NotReadableError: 'file',
};

/** An answer other than success: RFC 9457 with a stable `code`, or no answer at all. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** HTTP status; 0: nobody answered */
    readonly status: number,
    /** What a program decides by, e.g. `no_footage`; without an answer, what was in the way (`OBSTACLES`). */
    readonly code: string,
    /** The recorder's own words, empty where it had none; without an answer, the browser's, which are in English and for nobody but the log. */
    readonly detail: string,
    /** With `mixed_formats`: where ranges must end and begin, in ms since 1970. */
    readonly cutAt: number[] = [],
    /** With `refused`: what is wrong with the configuration. */
    readonly faults: readonly Fault[] = [],
  ) {
    super(`${code}: ${detail}`);
  }

  /** Nothing is asked there: the recorder is older than the page. */
  get isUnknown(): boolean {
    return this.status === 405 || (this.status === 404 && this.code === 'not_found' && this.detail.startsWith('nothing is at'));
  }

  /** Asked again, there may be an answer. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whatever was thrown. */
  static from(cause: unknown): Problem {
    if (cause instanceof Problem) return cause;
    const { name, message } = cause instanceof Error ? cause : { name: '', message: String(cause) };
    return new Problem(0, OBSTACLES[name] ?? `browser ${name}`.trim(), message);
  }

  static async of(response: Response): Promise<Problem> {
    const body: unknown = await response.json().catch(() => null);
    const document = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    const text = (key: string, otherwise: string): string =>
      typeof document[key] === 'string' ? document[key] : otherwise;
    const cuts = Array.isArray(document['cut_at']) ? document['cut_at'] : [];
    return new Problem(
      response.status,
      text('code', response.status >= 500 ? 'unavailable' : 'bad_request'),
      text('detail', ''),
      cuts.map((time) => Date.parse(String(time))).filter((time) => !Number.isNaN(time)),
      Array.isArray(document['problems']) ? (document['problems'] as Fault[]) : [],
    );
  }
}

/** What to tell people: the recorder's own words, or in the reader's language what kept it from answering. */
export function wordsOf(cause: unknown): string {
  const { status, code, detail } = Problem.from(cause);
  const { kinds, browser, empty } = t.common.problem;
  if (status !== 0) return detail === '' ? empty(status) : detail;
  return Object.hasOwn(kinds, code) ? kinds[code as keyof typeof kinds] : browser(code.replace(/^browser ?/, ''));
}
