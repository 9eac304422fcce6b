// Ends one attempt of a request: when the caller aborts it, or when its time is over.

/** `setTimeout` fires at once beyond it: 24.8 days. */
const longestMs = 2_147_483_647;

/** One attempt. `release` or `close` must be called at its end. */
export class Deadline {
  readonly #controller = new AbortController();
  #outer: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The time is over. */
  isExpired = false;

  /** @param outer the signal of the caller */
  constructor(outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.watch(outer);
  }

  /** From now on, this signal ends the attempt instead. */
  watch(outer: AbortSignal | undefined): void {
    this.#outer?.removeEventListener('abort', this.#forward);
    this.#outer = outer;
    if (outer?.aborted) this.#forward();
    else outer?.addEventListener('abort', this.#forward);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the clock again. 0 sets no limit. */
  limit(ms: number): void {
    clearTimeout(this.#timer);
    if (ms === 0) return;
    this.#timer = setTimeout(
      () => {
        this.isExpired = true;
        this.#controller.abort();
      },
      Math.min(ms, longestMs),
    );
  }

  /** Stops watching an answer that was read to its end. */
  release(): void {
    clearTimeout(this.#timer);
    this.watch(undefined);
  }

  /** Closes the connection of an answer that is not read to its end. */
  close(): void {
    this.release();
    this.#controller.abort();
  }
}

/** Waits. @throws the signal's reason */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
