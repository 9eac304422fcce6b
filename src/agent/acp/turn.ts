// One turn: sends the prompt to the agent's session, and passes on what the agent says, does and asks until the prompt
// returns. The agent's messages are handled in their order; while a commit is under way, they wait for it.

import { CodeBuddyError } from '../../base/errors.ts';
import { isRecord } from '../../base/is-record.ts';
import type { Budget, DriverContext, DriverResult } from '../driver.ts';
import type { AcpProcess, SessionListener } from './acp-process.ts';
import type { Timers } from './acp-types.ts';
import type { AgentConfig } from './agent-config.ts';
import { cancelledOutcome } from './permission-options.ts';
import type { PromptBlock } from './prompt-blocks.ts';
import { textOfBlock } from './read-call.ts';
import { readPlan } from './read-plan.ts';
import type { ReplayFilter } from './replay-filter.ts';
import { TurnCalls } from './turn-calls.ts';
import { TurnPermissions } from './turn-permissions.ts';
import { TurnText } from './turn-text.ts';
import type { TurnUsage } from './turn-usage.ts';

/** After `session/cancel`, an agent has this long to end its turn. */
export const cancelMs = 5000;
/** More text in one turn is a fault of the agent. */
const maxText = 16 * 1024 * 1024;
/** More updates that wait for a commit would use up the memory. */
const maxQueued = 50_000;

export interface TurnOptions {
  readonly context: DriverContext;
  readonly agent: Pick<AgentConfig, 'name' | 'silenceMs'>;
  readonly process: AcpProcess;
  /** The agent's id of its session. */
  readonly sessionId: string;
  readonly workspace: string;
  readonly prompt: readonly PromptBlock[];
  readonly replay: ReplayFilter | undefined;
  readonly usage: TurnUsage;
  readonly model: () => string;
  readonly timers: Timers;
  /** Called when the agent changes its mode or its options by itself. */
  readonly onModeChange: () => void;
}

export interface TurnEnd {
  readonly result: Pick<DriverResult, 'response' | 'reasoning' | 'finishReason'>;
}

/** Why a turn is ended from here. */
type Stop =
  | { readonly kind: 'budget'; readonly budget: Budget }
  | { readonly kind: 'fault'; readonly error: unknown }
  | { readonly kind: 'aborted' };

/** The agent did not end its turn after it was cancelled: it still works, and must be ended. */
export class StuckTurn extends Error {
  override readonly name = 'StuckTurn';
  readonly stop: Stop;

  constructor(stop: Stop) {
    super('the agent did not end its turn');
    this.stop = stop;
  }
}

type Item =
  | { readonly kind: 'update'; readonly update: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'permission';
      readonly params: Readonly<Record<string, unknown>>;
      readonly answer: (outcome: object) => void;
    };

export class Turn implements SessionListener {
  readonly #options: TurnOptions;
  readonly #text: TurnText;
  readonly #calls: TurnCalls;
  readonly #permissions: TurnPermissions;
  readonly #stopped = Promise.withResolvers<Stop>();
  #stop: Stop | undefined;
  #queue: Item[] = [];
  #draining: Promise<void> | undefined;
  #heardAt: number;
  /** Bookings and checks that the end of the turn waits for. */
  readonly #pending = new Set<Promise<void>>();

  constructor(options: TurnOptions) {
    this.#options = options;
    const { context, workspace, model, timers } = options;
    this.#heardAt = timers.now();
    this.#text = new TurnText({ context, model });
    this.#calls = new TurnCalls({
      context: context.foreign,
      workspace,
      beforeRecord: () => this.#text.flush(),
      onUnaskedChange: (call) => this.#later(this.#permissions.requireAllowed(call)),
    });
    this.#permissions = new TurnPermissions({
      context: context.foreign,
      calls: this.#calls,
      workspace,
      agent: options.agent.name,
      stopped: this.#stopped.promise,
    });
  }

  /** @throws StuckTurn; CodeBuddyError; the errors of a request; the signal's reason */
  async run(): Promise<TurnEnd['result']> {
    const { context, process, sessionId, prompt } = this.#options;
    const onAbort = (): void => this.#end({ kind: 'aborted' });
    context.signal.addEventListener('abort', onAbort, { once: true });
    const stopListening = process.listen(sessionId, this);
    const stopWatching = this.#watchSilence();
    try {
      context.signal.throwIfAborted();
      const answer = process.request('session/prompt', {
        sessionId,
        prompt,
      });
      const result = await this.#untilAnswered(answer);
      await this.#settled();
      return await this.#finish(isRecord(result) ? result : {});
    } catch (error) {
      await this.#drain().catch(() => undefined);
      this.#calls.endAll({ ok: false, error: this.#callFault() });
      await this.#text.keepPartial();
      throw error;
    } finally {
      stopWatching();
      stopListening();
      context.signal.removeEventListener('abort', onAbort);
      this.#stopped.resolve({ kind: 'aborted' });
    }
  }

  onUpdate(update: Readonly<Record<string, unknown>>): void {
    this.#heardAt = this.#options.timers.now();
    // After it was stopped, nothing more is shown.
    if (this.#stop !== undefined) return;
    this.#take({ kind: 'update', update });
    if (this.#queue.length > maxQueued) this.#tooMuch(`${maxQueued} updates while a commit was under way`);
  }

  onPermission(params: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#heardAt = this.#options.timers.now();
    return new Promise((answer) => this.#take({ kind: 'permission', params, answer }));
  }

  /** Waits for the answer to the prompt, and ends the turn if it must not go on. */
  async #untilAnswered(answer: Promise<unknown>): Promise<unknown> {
    const { process, sessionId, timers } = this.#options;
    // Also rejected if nothing waits for it any more.
    answer.catch(() => undefined);
    const first = await Promise.race([
      answer.then((result) => ({ result })),
      this.#stopped.promise.then((stop) => ({ stop })),
    ]);
    if ('result' in first) return first.result;
    const { stop } = first;
    process.notify('session/cancel', { sessionId });
    const deadline = Promise.withResolvers<'late'>();
    const cancelTimer = timers.after(cancelMs, () => deadline.resolve('late'));
    try {
      // An agent may answer a cancelled prompt with an error.
      const end = await Promise.race([answer.catch(() => undefined), deadline.promise]);
      if (end === 'late') throw new StuckTurn(stop);
      if (stop.kind === 'budget' && isRecord(end)) return end;
    } finally {
      cancelTimer();
    }
    throw stopError(stop, this.#options.context.signal);
  }

  /** Waits until everything that came before the answer is handled. @throws the error of a commit or a booking */
  async #settled(): Promise<void> {
    await this.#drain();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    // It was stopped while the answer was on its way.
    if (this.#stop !== undefined && this.#stop.kind !== 'budget')
      throw stopError(this.#stop, this.#options.context.signal);
  }

  async #finish(answer: Readonly<Record<string, unknown>>): Promise<TurnEnd['result']> {
    const { replay, usage, agent } = this.#options;
    const rest = replay?.end() ?? '';
    if (rest !== '') this.#text.add('text', rest, undefined);
    this.#calls.endAll({
      ok: false,
      error: new CodeBuddyError('tool_failed', 'The agent did not say how the call ended.'),
    });
    const budget =
      (await usage.end(answer)) ?? (this.#stop?.kind === 'budget' ? this.#stop.budget : undefined);
    const { stopReason } = answer;
    if (stopReason === 'cancelled' && budget === undefined && !this.#calls.hasDenied)
      throw new CodeBuddyError('agent_unavailable', `The agent ${agent.name} cancelled its turn itself.`);
    const isEmpty = this.#text.length === 0 && !this.#calls.hasAny && budget === undefined;
    if (isEmpty && stopReason === 'end_turn')
      throw new CodeBuddyError('agent_unavailable', `The agent ${agent.name} gave an empty answer.`);
    return { ...this.#text.finish(), finishReason: budget ?? finishReasonOf(stopReason) };
  }

  #take(item: Item): void {
    const isBusy = this.#draining !== undefined || this.#options.context.keeping() !== undefined;
    this.#queue.push(item);
    if (isBusy) void this.#drain();
    else this.#handleQueue();
  }

  /** Handles what waits, each after the commits before it. Never rejects: `#settled` throws the error. */
  #drain(): Promise<void> {
    this.#draining ??= this.#drainAll().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  async #drainAll(): Promise<void> {
    try {
      while (this.#queue.length > 0 || this.#options.context.keeping() !== undefined) {
        await this.#options.context.keeping();
        this.#handleQueue();
      }
    } catch (error) {
      // A commit failed: the run must end.
      this.#fail(error);
      for (const item of this.#queue.splice(0)) if (item.kind === 'permission') item.answer(cancelledOutcome);
    }
  }

  /** Handles what waits, until a commit is under way. */
  #handleQueue(): void {
    while (this.#queue.length > 0 && this.#options.context.keeping() === undefined) {
      const item = this.#queue.shift() as Item;
      try {
        if (item.kind === 'permission') this.#ask(item);
        else this.#handle(item.update);
      } catch (error) {
        this.#fail(error);
      }
    }
    if (this.#queue.length > 0) void this.#drain();
  }

  #handle(update: Readonly<Record<string, unknown>>): void {
    const { context, replay, usage, onModeChange } = this.#options;
    // It was stopped while the update waited.
    if (this.#stop !== undefined) return;
    const messageId = typeof update.messageId === 'string' ? update.messageId : undefined;
    switch (update.sessionUpdate) {
      case 'agent_message_chunk':
        for (const piece of textOfBlock(update.content))
          this.#text.add('text', replay === undefined ? piece : replay.pass(piece), messageId);
        if (update._meta !== undefined)
          this.#later(usage.chunk(update).then((budget) => budget && this.#end({ kind: 'budget', budget })));
        break;
      case 'agent_thought_chunk':
        // The replay has thoughts, too, which are not known.
        if (replay === undefined || replay.isOver)
          for (const piece of textOfBlock(update.content)) this.#text.add('reasoning', piece, messageId);
        break;
      case 'tool_call':
      case 'tool_call_update':
        this.#calls.update(update);
        break;
      case 'plan':
        context.foreign.keepPlan(readPlan(update.entries));
        break;
      case 'usage_update':
        this.#later(usage.update(update).then((budget) => budget && this.#end({ kind: 'budget', budget })));
        break;
      case 'current_mode_update':
      case 'config_option_update':
        onModeChange();
        break;
    }
    if (this.#text.length > maxText) this.#tooMuch(`more than ${maxText} characters`);
  }

  #ask({ params, answer }: Extract<Item, { kind: 'permission' }>): void {
    if (this.#stop !== undefined) {
      answer(cancelledOutcome);
      return;
    }
    this.#permissions
      .ask(params)
      .catch((error: unknown) => {
        this.#fail(error);
        return cancelledOutcome;
      })
      .then((outcome) => {
        this.#heardAt = this.#options.timers.now();
        answer(outcome);
      });
  }

  #tooMuch(what: string): void {
    const { name } = this.#options.agent;
    this.#fail(new CodeBuddyError('agent_unavailable', `The agent ${name} answered with ${what}.`));
  }

  /** Ends the turn if the agent sends nothing, unless it waits for a person or for its own tool. */
  #watchSilence(): () => void {
    const { timers, agent } = this.#options;
    let cancel: () => void = () => undefined;
    const look = (): void => {
      if (this.#permissions.isWaiting || this.#calls.isRunning) this.#heardAt = timers.now();
      const left = this.#heardAt + agent.silenceMs - timers.now();
      if (left > 0) {
        cancel = timers.after(left, look);
        return;
      }
      const error = new CodeBuddyError(
        'agent_timeout',
        `The agent ${agent.name} sent nothing for ${agent.silenceMs / 1000} s (agents.${agent.name}.silenceMs).`,
      );
      this.#end({ kind: 'fault', error });
    };
    look();
    return () => cancel();
  }

  /** Ends the turn from here. Only the first reason counts. */
  #end(stop: Stop): void {
    this.#stop ??= stop;
    this.#stopped.resolve(stop);
  }

  #fail(error: unknown): void {
    this.#end({ kind: 'fault', error });
  }

  #later(work: Promise<unknown>): void {
    const pending = work
      .then(
        () => undefined,
        (error: unknown) => this.#fail(error),
      )
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  #callFault(): CodeBuddyError | DOMException {
    return this.#options.context.signal.aborted
      ? new DOMException('The run was stopped.', 'AbortError')
      : new CodeBuddyError('tool_failed', 'The turn ended before the call did.');
  }
}

function stopError(stop: Stop, signal: AbortSignal): unknown {
  if (stop.kind === 'fault') return stop.error;
  return signal.reason;
}

function finishReasonOf(stopReason: unknown): DriverResult['finishReason'] {
  if (stopReason === 'max_tokens') return 'length';
  if (stopReason === 'max_turn_requests') return 'max_steps';
  return stopReason === 'refusal' ? 'content_filter' : 'stop';
}
