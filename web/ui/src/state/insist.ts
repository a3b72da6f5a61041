/** A question that is asked again until it is answered. */

const AGAIN_MS = 10_000;

/** Tells of the answer, and of each failure until then. What it gives back ends it: nothing is told any more. */
export function insist<T>(ask: () => Promise<T>, answered: (answer: T) => void, failed: (problem: unknown) => void): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const attempt = (): void =>
    void ask().then(
      (answer) => {
        if (!stopped) answered(answer);
      },
      (problem: unknown) => {
        if (stopped) return;
        failed(problem);
        timer = setTimeout(attempt, AGAIN_MS);
      },
    );
  attempt();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
