// A token bucket: holds a minute's tokens, and fills evenly. So a burst may use up a minute at once, and then each token
// comes back in its time.

const minuteMs = 60_000;

export class TokenBucket {
  #perMinute: number;
  readonly #clock: () => number;
  #tokens: number;
  #filledAt: number;

  /** A full bucket. @param clock ms, never backwards */
  constructor(perMinute: number, clock: () => number) {
    this.#perMinute = perMinute;
    this.#clock = clock;
    this.#tokens = perMinute;
    this.#filledAt = clock();
  }

  get perMinute(): number {
    return this.#perMinute;
  }

  /** Used tokens stay used. */
  resize(perMinute: number): void {
    this.#fill();
    this.#tokens = Math.max(0, this.#tokens + perMinute - this.#perMinute);
    this.#perMinute = perMinute;
  }

  /** Takes a token. False if there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  giveBack(): void {
    this.#tokens = Math.min(this.#perMinute, this.#tokens + 1);
  }

  /** Whole tokens, and the seconds until there is one more; for a full bucket, those that a token takes to come back. */
  left(): { readonly tokens: number; readonly seconds: number } {
    this.#fill();
    const tokens = Math.floor(this.#tokens);
    const missing = tokens + 1 - this.#tokens;
    return { tokens, seconds: Math.ceil((missing * minuteMs) / this.#perMinute / 1000) };
  }

  #fill(): void {
    const now = this.#clock();
    const tokens = this.#tokens + ((now - this.#filledAt) * this.#perMinute) / minuteMs;
    // Sums of fractions may fall short of a whole number by a rounding error.
    const whole = Math.round(tokens);
    this.#tokens = Math.min(this.#perMinute, Math.abs(tokens - whole) < 1e-6 ? whole : tokens);
    this.#filledAt = now;
  }
}
