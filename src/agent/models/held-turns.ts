// The conversation of a working run, as its model reads it. While the run waits for a person, what the store has is dropped from memory
// and read again afterwards; the run's own steps are kept, since the store lacks what only the provider understands (its reasoning).

import type { DriverContext, Summary } from '../driver.ts';
import { estimateTokens, summaryTurn, type Turn, turnsOf } from './conversation.ts';

type Source = Pick<DriverContext, 'history' | 'summary'>;

export class HeldTurns {
  private readonly source: Source;
  /** Undefined while it is dropped. */
  private stored: readonly Turn[] | undefined;
  /** The last message that `stored` holds; the messages after it are steps of the run, and `own` has them. */
  private lastId: string | undefined;
  private own: Turn[] = [];
  private ownTokens = 0;
  private storedTokens = 0;

  private constructor(source: Source) {
    this.source = source;
  }

  static async open(source: Source): Promise<HeldTurns> {
    const held = new HeldTurns(source);
    const [history, summary] = await Promise.all([source.history(), source.summary()]);
    held.lastId = history.at(-1)?.id;
    held.keep(turnsOf(history, summary));
    return held;
  }

  /** Do not keep the list across a tool call: it would stay in memory while the run waits. */
  async all(): Promise<readonly Turn[]> {
    if (this.stored === undefined) {
      const [history, summary] = await Promise.all([this.source.history(), this.source.summary()]);
      const end = history.findIndex(({ id }) => id === this.lastId) + 1;
      this.keep(turnsOf(history.slice(0, end), summary));
    }
    return [...(this.stored ?? []), ...this.own];
  }

  /** Tokens of all turns, roughly. */
  get tokens(): number {
    return this.storedTokens + this.ownTokens;
  }

  add(...turns: readonly Turn[]): void {
    this.own.push(...turns);
    this.ownTokens += estimateTokens(turns);
  }

  /** The first `count` turns have become the summary, which the store has. */
  summedUp(count: number, summary: Summary): void {
    const stored = this.stored ?? [];
    this.own = this.own.slice(Math.max(0, count - stored.length));
    this.ownTokens = estimateTokens(this.own);
    this.keep([summaryTurn(summary), ...stored.slice(count)]);
  }

  /** Drops what can be read again. */
  drop(): void {
    this.stored = undefined;
  }

  private keep(stored: readonly Turn[]): void {
    this.stored = stored;
    this.storedTokens = estimateTokens(stored);
  }
}
