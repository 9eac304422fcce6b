// A run in memory, from its admission to its end. Its fields are read-only outside; these verbs change it:
//
//   queued --begin--> running --questionAsked--> waiting --questionSettled--> running
//   queued, running, waiting --end--> completed | failed | cancelled | interrupted
//
// `stop` ends a run from outside: it aborts `signal`, and `runs.ts` then ends the run.

import type { TraceContext } from '../base/trace-context.ts';
import type { InboxItem } from '../contract/inbox.ts';
import type { Permission } from '../contract/permission.ts';
import type { PromptResult } from '../contract/prompt-result.ts';
import type { Write } from '../store/store.ts';
import type { Driver } from './driver.ts';
import type { OpenItem } from './inbox/open-item.ts';
import type { RunRecord, RunRequest } from './run-record.ts';
import type { SessionMemory } from './session-memory.ts';
import { SteerQueue } from './steer-queue.ts';

/** The reason to end a run from outside. */
export type Stop =
  | { readonly kind: 'cancelled' | 'interrupted'; readonly reason: string }
  /** It continues in the next process: nothing of it is written. */
  | { readonly kind: 'left' }
  | { readonly kind: 'timeout' };

export interface NewLiveRun {
  readonly record: RunRecord;
  readonly request: RunRequest;
  /** Selected once, when the run is admitted. */
  readonly driver: Driver;
  /** The number of requests of this server's own webhooks that led to the run. */
  readonly hop: number;
  /** The trace of the request that started it. */
  readonly trace: TraceContext | undefined;
  readonly isResumed: boolean;
  readonly memory: SessionMemory;
  /** The id of the prompt's message; undefined in a resumed run. */
  readonly promptMessageId: string | undefined;
  /** When its session began, in Unix ms. */
  readonly sessionBeganAt: number;
  /** What it waited for in an earlier process: it continues there. @default nothing */
  readonly reopened?: readonly OpenItem[];
}

export class LiveRun {
  readonly id: string;
  readonly sessionId: string;
  readonly request: RunRequest;
  readonly driver: Driver;
  readonly hop: number;
  readonly trace: TraceContext | undefined;
  readonly isResumed: boolean;
  readonly promptMessageId: string | undefined;
  readonly sessionBeganAt: number;
  /** Messages that came in while it worked. */
  readonly steers = new SteerQueue();
  readonly #abort = new AbortController();
  readonly #clock = new RunClock();
  readonly #result = Promise.withResolvers<PromptResult>();
  readonly #asked = Promise.withResolvers<Permission>();
  readonly #waits = Promise.withResolvers<InboxItem>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #reopened: readonly OpenItem[];
  readonly #taken = new Set<OpenItem>();
  readonly #open = new Set<OpenItem>();
  #record: RunRecord;
  #memory: SessionMemory;
  #isAdmitted = false;
  #hasBegun = false;
  #hasAnswered = false;
  #openQuestions = 0;
  #stop: Stop | undefined;
  #isLost = false;
  #isEnding = false;
  #pendingWrites: Write[] = [];
  #keeping: Promise<unknown> | undefined;

  constructor({ record, memory, ...fixed }: NewLiveRun) {
    this.id = record.id;
    this.sessionId = record.sessionId;
    this.request = fixed.request;
    this.driver = fixed.driver;
    this.hop = fixed.hop;
    this.trace = fixed.trace;
    this.isResumed = fixed.isResumed;
    this.promptMessageId = fixed.promptMessageId;
    this.sessionBeganAt = fixed.sessionBeganAt;
    this.#reopened = fixed.reopened ?? [];
    this.#record = record;
    this.#memory = memory;
    // Perhaps nothing waits for the result (202, or the client disconnected): an unhandled rejection would end the
    // process.
    this.#result.promise.catch(() => undefined);
  }

  /** The run without its prompt, which may be long and is in the store only. */
  get record(): RunRecord {
    return this.#record;
  }

  /** The memory of its session; read from the store when the run begins. */
  get memory(): SessionMemory {
    return this.#memory;
  }

  /** The session and run that events and messages of this run name. */
  get owner(): { readonly sessionId: string; readonly runId: string } {
    return { sessionId: this.sessionId, runId: this.id };
  }

  /** Aborts when the run is stopped, times out or fails. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True once its first events are committed; only then may it begin. */
  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  /** True while at least one of its tools waits for approval. */
  get isWaiting(): boolean {
    return this.#openQuestions > 0;
  }

  /** True once the transcript holds an answer of this run. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The reason why it was stopped from outside; undefined if it was not. */
  get stopped(): Stop | undefined {
    return this.#stop;
  }

  /** True if this node was declared dead: another one has interrupted the run, and nothing of it may be written. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** True from the moment that its end is being committed. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  get result(): Promise<PromptResult> {
    return this.#result.promise;
  }

  /** Resolves when the run waits for a permission for the first time. */
  get asked(): Promise<Permission> {
    return this.#asked.promise;
  }

  /** Resolves when the run waits for anything for the first time. */
  get waits(): Promise<InboxItem> {
    return this.#waits.promise;
  }

  /** Resolves when the run has ended, with any outcome: its end is committed, and the queue has removed it. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  admitted(): void {
    this.#isAdmitted = true;
  }

  /** Starts the clock. `onTimeout` is called after `timeoutMs`, not counting the time spent waiting for approval. */
  startClock(timeoutMs: number, onTimeout: () => void): void {
    this.#clock.start(timeoutMs, onTimeout);
  }

  begin(startedAt: string, memory: SessionMemory): void {
    this.#hasBegun = true;
    this.#memory = memory;
    this.#record = { ...this.#record, status: 'running', startedAt };
  }

  /** Returns false if it was stopped before. */
  stop(stop: Stop): boolean {
    if (this.#stop !== undefined) return false;
    this.#stop = stop;
    this.abort();
    return true;
  }

  /** The run was taken over: abort its work. */
  lose(): void {
    this.#isLost = true;
    this.abort();
  }

  /** Called when a tool asks for permission. Returns true if the run begins to wait. */
  questionAsked(): boolean {
    if (this.#openQuestions++ > 0) return false;
    this.#record = { ...this.#record, status: 'waiting' };
    this.#clock.pause();
    return true;
  }

  /** Called when a question was answered, expired or was withdrawn. Returns true if the run works again. */
  questionSettled(): boolean {
    if (--this.#openQuestions > 0 || this.signal.aborted) return false;
    this.#record = { ...this.#record, status: 'running' };
    this.#clock.resume();
    return true;
  }

  /** Resolves `asked` and `waits`. */
  tellAsked(item: InboxItem): void {
    if (item.kind === 'permission') this.#asked.resolve(item.permission);
    this.#waits.resolve(item);
  }

  /** Notes what a tool call waits for. All must have a place for the run to be left to another process. */
  noteOpen(open: OpenItem): void {
    this.#open.add(open);
  }

  noteSettled(open: OpenItem): void {
    this.#open.delete(open);
  }

  /** True if the next process can continue it: it waits for answers, or has not begun and may begin later. */
  get canBeLeft(): boolean {
    if (!this.#hasBegun) return this.continues || this.request.afterRestart !== undefined;
    return this.isWaiting && [...this.#open].every(({ place }) => place !== undefined);
  }

  /** True once the run is left to the next process. */
  get isLeft(): boolean {
    return this.#stop?.kind === 'left';
  }

  /** True if it continues at the calls that waited in an earlier process. */
  get continues(): boolean {
    return this.#reopened.length > 0;
  }

  /** What the call at this place waited for in an earlier process. Given out once. */
  reopenedAt(place: string | undefined): OpenItem | undefined {
    const found = place === undefined ? undefined : this.#reopened.find((one) => one.place === place);
    if (found !== undefined && !this.#taken.has(found)) {
      this.#taken.add(found);
      return found;
    }
    return undefined;
  }

  beginStep(step: number): void {
    this.#record = { ...this.#record, step };
  }

  outputRejected(retries: number): void {
    this.#record = { ...this.#record, outputRetries: retries };
  }

  answered(): void {
    this.#hasAnswered = true;
  }

  spent(spent: Pick<RunRecord, 'model' | 'usage' | 'cost'>): void {
    this.#record = { ...this.#record, ...spent };
  }

  remember(patch: Partial<SessionMemory>): void {
    this.#memory = { ...this.#memory, ...patch };
  }

  /** Adds writes to the run's next commit. */
  writeLater(...writes: readonly Write[]): void {
    this.#pendingWrites.push(...writes);
  }

  /** The writes for the commit that is made now; each is given out once. */
  takePendingWrites(): readonly Write[] {
    const writes = this.#pendingWrites;
    this.#pendingWrites = [];
    return writes;
  }

  /** Lets the run continue while this commit is made. */
  keepLater(commit: Promise<unknown>): void {
    const keeping = this.#keeping === undefined ? commit : Promise.all([this.#keeping, commit]);
    this.#keeping = keeping;
    keeping.then(
      () => {
        if (this.#keeping === keeping) this.#keeping = undefined;
      },
      // It stays, so that everything that waits for it later fails, too.
      () => undefined,
    );
  }

  /** The commits of `keepLater` that are under way, or failed; undefined if there are none. */
  get keeping(): Promise<unknown> | undefined {
    return this.#keeping;
  }

  /** Stops the run's remaining work and its clock. */
  abort(): void {
    this.#abort.abort();
    this.#clock.stop();
  }

  /** Call it before the end of the run is committed. */
  ending(): void {
    this.#isEnding = true;
  }

  /** Sets the final record. Call it after the commit, so that no client sees an end that a crash could undo. */
  end(record: RunRecord): void {
    this.#record = record;
    this.#clock.stop();
  }

  /** Call it when the queue has released the run. */
  released(): void {
    this.#ended.resolve();
  }

  resolve(result: PromptResult): void {
    this.#result.resolve(result);
  }

  reject(error: Error): void {
    this.#result.reject(error);
  }
}

/** The time limit of a run. It is paused while the run waits for approval. */
class RunClock {
  #timer: NodeJS.Timeout | undefined;
  #leftMs = 0;
  #startedAt = 0;
  #onEnd: () => void = () => undefined;

  start(limitMs: number, onEnd: () => void): void {
    this.#leftMs = limitMs;
    this.#onEnd = onEnd;
    this.resume();
  }

  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs -= performance.now() - this.#startedAt;
  }

  resume(): void {
    if (this.#timer !== undefined) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#onEnd(), Math.max(this.#leftMs, 0));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#onEnd = () => undefined;
  }
}
