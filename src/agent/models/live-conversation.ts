// The conversation of a working run: the stored transcript, and the turns that the run adds. Additions are read back in
// their stored form, so that this run sends exactly the bytes that a later one will send.

import { CodeBuddyError } from '../../base/errors.ts';
import { makeCallId } from '../call-ids.ts';
import type { DriverContext, LoadedImage, Summary } from '../driver.ts';
import type { Steer } from '../steer-queue.ts';
import type { CallResult, NewTurn, SentPart, Turn } from '../transcript.ts';
import { type Conversation, tokensOf } from './conversation.ts';
import type { ModelAnswer, RequestedCall } from './model-call.ts';
import type { CallOutcome } from './run-calls.ts';
import { maxImagesBytes, newestImages } from './sent-images.ts';

const resumedNote =
  'The server stopped while you were working. Calls without a result may or may not have been done. Check the current state, then continue.';

export class LiveConversation implements Conversation {
  turns: Turn[];
  readonly results: Map<string, CallResult>;
  summary: Summary | undefined;
  readonly #context: DriverContext;
  #images: ReadonlyMap<string, LoadedImage> = new Map();
  /** The ids of all calls: they must be unique in the conversation. */
  readonly #callIds = new Set<string>();
  /** The id of the last turn, while the conversation is dropped from memory. */
  #droppedAt: string | undefined;
  /** Messages to the run from before it was opened. */
  #waiting: readonly Steer[] = [];

  private constructor(context: DriverContext, { turns, results, summary }: Conversation) {
    this.#context = context;
    this.turns = [...turns];
    this.results = new Map(results);
    for (const turn of turns) for (const { callId } of callsOf(turn)) this.#callIds.add(callId);
    this.summary = summary;
  }

  /** Opens the conversation with the run's prompt and, if the run is resumed, a note that says so. */
  static async open(context: DriverContext): Promise<LiveConversation> {
    const [transcript, summary] = await Promise.all([context.transcript(), context.summary()]);
    const conversation = new LiveConversation(context, { ...transcript, summary });
    conversation.#waiting = transcript.waiting;
    const own = conversation.turns.filter(({ runId }) => runId === context.runId);
    const later = own.length === 0 ? [] : conversation.#takeAfter(own.at(-1) as Turn);
    if (own.length === 0) {
      // The run was interrupted before it began.
      const parts = await context.promptParts();
      conversation.#keep({
        kind: 'prompt',
        messageId: '',
        text: await context.prompt(),
        ...(parts.length === 0 ? {} : { parts }),
      });
    } else if (context.isResumed && !context.continues && own.at(-1)?.kind !== 'prompt') {
      conversation.#keep({ kind: 'note', text: resumedNote });
    }
    // Messages to the session wait for the next run, or for this one if it is resumed. The open calls come first.
    if (context.continues) conversation.#waiting = [...later, ...transcript.waiting];
    else if (context.isResumed) conversation.addMessages(later);
    return conversation;
  }

  /** The answers of this run so far. */
  get ownSteps(): number {
    return this.turns.filter(({ kind, runId }) => kind === 'answer' && runId === this.#context.runId).length;
  }

  /** The calls of the last answer that have no result yet: they waited when an earlier process ended. */
  openCalls(): readonly RequestedCall[] {
    const last = this.turns.at(-1);
    if (last === undefined || last.runId !== this.#context.runId) return [];
    return callsOf(last)
      .filter(({ callId }) => !this.results.has(callId))
      .map(({ callId, tool, input }) => ({ callId, tool, input: JSON.stringify(input ?? {}) }));
  }

  /** Adds the messages that the run has taken, and returns those that are new. */
  addMessages(taken: readonly Steer[]): readonly Steer[] {
    const waiting = this.#waiting.filter(
      ({ messageId }) => !taken.some((one) => one.messageId === messageId),
    );
    const added = [...waiting, ...taken];
    this.#waiting = [];
    for (const { messageId, text } of added) this.#keep({ kind: 'message', messageId, text });
    return added;
  }

  /** Returns the calls with their new ids. */
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

  /** Adds the part of an interrupted answer that was shown. */
  addPartial(text: string, model: string): void {
    this.#keep({ kind: 'answer', model, parts: [{ type: 'text', text }], isCutOff: true });
  }

  /** Adds a message of the server to the model. */
  addNote(text: string): void {
    this.#keep({ kind: 'note', text });
  }

  /** Drops the conversation from memory. `addResults` reads it from the store again. */
  drop(): void {
    const last = this.turns.at(-1);
    if (this.#droppedAt !== undefined || last === undefined) return;
    this.#droppedAt = last.id;
    this.turns = [];
    this.results.clear();
    this.#images = new Map();
  }

  /** The images to send with the next call. Those that were sent before stay in memory while the run works. */
  async loadImages(): Promise<ReadonlyMap<string, LoadedImage>> {
    const wanted = newestImages(this);
    const loaded = new Map<string, LoadedImage>();
    let size = 0;
    for (const { fileId } of wanted) {
      if (loaded.has(fileId)) continue;
      const image = this.#images.get(fileId) ?? (await this.#readImage(fileId));
      if (image === undefined) continue;
      size += image.data.length;
      if (size > maxImagesBytes) break;
      loaded.set(fileId, image);
    }
    this.#images = loaded;
    return loaded;
  }

  /** Adds the results of the last answer's calls. Returns an estimate of their tokens. */
  async addResults(calls: readonly RequestedCall[], outcomes: readonly CallOutcome[]): Promise<number> {
    await this.#readAgain();
    const last = this.turns.at(-1) as Turn;
    const before = tokensOf(last, new Map());
    for (const [index, { callId }] of calls.entries()) {
      const { text, isError, images } = outcomes[index] as CallOutcome;
      this.results.set(callId, { text, isError, ...(images === undefined ? {} : { images }) });
    }
    return tokensOf(last, this.results) - before;
  }

  /** Sends shorter texts instead of these results from here on. */
  cutResults(results: readonly { readonly callId: string; readonly text: string }[]): void {
    this.#context.keepTurn({ kind: 'cut', results });
    for (const { callId, text } of results) {
      const known = this.results.get(callId);
      if (known !== undefined) this.results.set(callId, { ...known, text });
    }
  }

  /** Replaces the first `count` turns by a summary. */
  async replaceFirst(count: number, text: string): Promise<void> {
    const until = this.turns[count - 1]?.id;
    if (until === undefined) return;
    this.summary = { text, until };
    await this.#context.keepSummary(this.summary);
    this.turns = this.turns.slice(count);
  }

  /** The file may belong to a step whose commit is under way. */
  async #readImage(fileId: string): Promise<LoadedImage | undefined> {
    await this.#context.keeping();
    return this.#context.readImage(fileId);
  }

  /** Removes the messages to the session after this turn. */
  #takeAfter(turn: Turn): readonly Steer[] {
    const end = this.turns.indexOf(turn) + 1;
    const later: Steer[] = [];
    this.turns = this.turns.filter((one, index) => {
      if (index < end || one.kind !== 'message' || one.runId !== null) return true;
      later.push({ messageId: one.messageId, text: one.text });
      return false;
    });
    return later;
  }

  async #readAgain(): Promise<void> {
    if (this.#droppedAt === undefined) return;
    const { turns, results } = await this.#context.transcript();
    const end = turns.findIndex(({ id }) => id === this.#droppedAt) + 1;
    // It was committed when the question was asked.
    if (end === 0)
      throw new CodeBuddyError('storage_unavailable', 'The store lost a step of the run while it waited.');
    // Later turns belong to runs that have ended meanwhile.
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
