/** One fault of a configuration, in the recorder's own words. */
export interface Fault {
  /** Of the file as it would be, counted from 1. */
  line: number;
  /** The field, such as `camera[1] "gate".main.url`. */
  path: string;
  text: string;
}

/** An answer other than success: RFC 9457 with a stable `code`, or no answer at all. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** HTTP status; 0: nobody answered */
    readonly status: number,
    /** What a program decides by, e.g. `no_footage`; `unreachable` without an answer. */
    readonly code: string,
    /** The recorder's own words. */
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

  static unreachable(cause: unknown): Problem {
    return new Problem(0, 'unreachable', cause instanceof Error ? cause.message : String(cause));
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
      text('detail', response.statusText),
      cuts.map((time) => Date.parse(String(time))).filter((time) => !Number.isNaN(time)),
      Array.isArray(document['problems']) ? (document['problems'] as Fault[]) : [],
    );
  }
}

/** The recorder's own words, or those of whatever kept it from answering. */
export const wordsOf = (problem: unknown): string =>
  problem instanceof Problem ? problem.detail : problem instanceof Error ? problem.message : String(problem);
