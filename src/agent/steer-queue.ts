// The messages that a run receives while it works. A message is taken in order, once it is committed. The queue closes
// when the run looks into it for the last time and finds nothing, so a message is either seen or refused.

/** A message to a working run. */
export interface Steer {
  readonly messageId: string;
  readonly text: string;
}

export class SteerQueue {
  #waiting: Steer[] = [];
  /** The commits of messages that are under way. */
  #arriving: Promise<unknown> | undefined;
  #arrivingCount = 0;
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Messages that the run has not seen yet. */
  get size(): number {
    return this.#waiting.length + this.#arrivingCount;
  }

  /** Adds a message once `commit` has resolved. Commits are made one after the other. */
  async add(steer: Steer, commit: () => Promise<unknown>): Promise<void> {
    const before = this.#arriving ?? Promise.resolve();
    const arrival = before.then(commit).then(() => {
      this.#waiting.push(steer);
    });
    this.#arrivingCount++;
    const settled = arrival.then(
      () => this.#arrivingCount--,
      // The caller gets the error.
      () => this.#arrivingCount--,
    );
    this.#arriving = settled;
    try {
      await arrival;
    } finally {
      if (this.#arriving === settled) this.#arriving = undefined;
    }
  }

  /** Takes the messages. `onTaken` is called in the same turn: no message comes in between. */
  async take(onTaken?: () => void): Promise<readonly Steer[]> {
    await this.#settled();
    const taken = this.#waiting;
    this.#waiting = [];
    onTaken?.();
    return taken;
  }

  /** Closes the queue if no message waits. Returns true if it is closed now. */
  async closeIfEmpty(): Promise<boolean> {
    await this.#settled();
    if (this.#waiting.length === 0) this.#isClosed = true;
    return this.#isClosed;
  }

  /** Refuses more messages, and takes those that are there. */
  async close(): Promise<readonly Steer[]> {
    this.#isClosed = true;
    return this.take();
  }

  async #settled(): Promise<void> {
    while (this.#arriving !== undefined) await this.#arriving;
  }
}
