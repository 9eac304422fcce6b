// The conversation while a run works on it: what the transcript holds, and what the run adds. What is added is read back the way it is
// stored, so that this run sends what a later one will.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeCallId } from '../call-ids.ts';
import type { DriverContext, Summary } from '../driver.ts';
import type { CallResult, NewTurn, SentPart, Turn } from '../transcript.ts';
import { type Conversation, tokensOf } from './conversation.ts';
import type { ModelAnswer, RequestedCall } from './model-call.ts';
import type { CallOutcome } from './run-calls.ts';

const resumedNote =
  'The server stopped while you were working; what was not answered then may or may not have been done. Look, then go on.';

export class LiveConversation implements Conversation {
  turns: Turn[];
  readonly results: Map<string, CallResult>;
  summary: Summary | undefined;
  readonly #context: DriverContext;
  /** Of all calls of the conversation: no two may have the same. */
  readonly #callIds = new Set<string>();
  /** The last entry, while the conversation is dropped from memory. */
  #droppedAt: string | undefined;

  private constructor(context: DriverContext, { turns, results, summary }: Conversation) {
    this.#context = context;
    this.turns = [...turns];
    this.results = new Map(results);
    for (const turn of turns) for (const { callId } of callsOf(turn)) this.#callIds.add(callId);
    this.summary = summary;
  }

  /** Of a run: its prompt is in it, and if it was cut off, a note that says so. */
  static async open(context: DriverContext): Promise<LiveConversation> {
    const [transcript, summary] = await Promise.all([context.transcript(), context.summary()]);
    const conversation = new LiveConversation(context, { ...transcript, summary });
    const own = conversation.turns.filter(({ runId }) => runId === context.runId);
    if (own.length === 0) {
      // Interrupted before it began.
      conversation.#keep({ kind: 'prompt', messageId: '', text: await context.prompt() });
    } else if (context.isResumed && own.at(-1)?.kind !== 'prompt') {
      conversation.#keep({ kind: 'note', text: resumedNote });
    }
    return conversation;
  }

  /** Returns the calls by their new ids. */
  addAnswer({ parts, calls, model }: ModelAnswer & { readonly model: string }): readonly RequestedCall[] {
    const seed = `${this.#context.runId} ${this.turns.length} ${this.turns.at(-1)?.id}`;
    const ids: string[] = [];
    const named = parts.map((part): SentPart => {
      if (part.type !== 'call') return part;
      const callId = makeCallId(
        `${seed} ${ids.length}`,
        (id) => this.#callIds.has(id) || this.results.has(id),
      );
      this.#callIds.add(callId);
      ids.push(callId);
      return { ...part, callId };
    });
    if (named.length > 0) this.#keep({ kind: 'answer', model, parts: named });
    return calls.map((call, index) => ({ ...call, callId: ids[index] as string }));
  }

  /** What was shown of an answer that was cut off. */
  addPartial(text: string, model: string): void {
    this.#keep({ kind: 'answer', model, parts: [{ type: 'text', text }], isCutOff: true });
  }

  /** Drops what can be read again. The next call of `addResults` reads it. */
  drop(): void {
    const last = this.turns.at(-1);
    if (this.#droppedAt !== undefined || last === undefined) return;
    this.#droppedAt = last.id;
    this.turns = [];
    this.results.clear();
  }

  /** The results of the last answer. Returns the tokens that they take, roughly. */
  async addResults(calls: readonly RequestedCall[], outcomes: readonly CallOutcome[]): Promise<number> {
    await this.#readAgain();
    const last = this.turns.at(-1) as Turn;
    const before = tokensOf(last, new Map());
    for (const [index, { callId }] of calls.entries()) {
      const { text, isError } = outcomes[index] as CallOutcome;
      this.results.set(callId, { text, isError });
    }
    return tokensOf(last, this.results) - before;
  }

  /** Sends shorter texts in the place of these results, from here on. */
  cutResults(results: readonly { readonly callId: string; readonly text: string }[]): void {
    this.#context.keepTurn({ kind: 'cut', results });
    for (const { callId, text } of results) {
      const known = this.results.get(callId);
      if (known !== undefined) this.results.set(callId, { ...known, text });
    }
  }

  /** The summary stands for the first `count` entries. */
  async replaceFirst(count: number, text: string): Promise<void> {
    const until = this.turns[count - 1]?.id;
    if (until === undefined) return;
    this.summary = { text, until };
    await this.#context.keepSummary(this.summary);
    this.turns = this.turns.slice(count);
  }

  async #readAgain(): Promise<void> {
    if (this.#droppedAt === undefined) return;
    const { turns, results } = await this.#context.transcript();
    const end = turns.findIndex(({ id }) => id === this.#droppedAt) + 1;
    // It was written when the question was asked.
    if (end === 0)
      throw new CodeBuddyError('storage_unavailable', 'The store lost a step of the run while it waited.');
    // What comes after it belongs to runs that have ended meanwhile.
    this.turns = turns.slice(0, end);
    for (const [callId, result] of results) this.results.set(callId, result);
    this.#droppedAt = undefined;
  }

  #keep(turn: Exclude<NewTurn, { kind: 'cut' }>): void {
    const id = this.#context.keepTurn(turn);
    const stored = JSON.parse(JSON.stringify(turn)) as typeof turn;
    this.turns.push({ ...stored, id, runId: this.#context.runId });
  }
}

/** The tool calls of a turn; only answers have any. */
export function callsOf(turn: Turn): readonly Extract<SentPart, { type: 'call' }>[] {
  return turn.kind === 'answer' ? turn.parts.filter((part) => part.type === 'call') : [];
}
