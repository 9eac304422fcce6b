// One model call: reads the stream to its end, passes text on as it arrives, and returns the whole answer. A silent
// stream is aborted.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import { isRecord } from '../../base/is-record.ts';
import { isBlank, sendable, wellFormed } from '../../base/text.ts';
import type { PartMetadata, SentPart } from '../transcript.ts';
import { listenForBytes } from './model-http.ts';
import { BrokenStream, ModelSilence, OverlongAnswer, WindowFull } from './provider-error.ts';

export interface RequestedCall {
  readonly callId: string;
  readonly tool: string;
  /** As the model wrote it: usually JSON. */
  readonly input: string;
}

export interface CallUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

export type SpokenPart = 'text' | 'reasoning';

export interface ModelAnswer {
  readonly text: string;
  /** Its blocks as paragraphs; undefined if there is none that can be read. */
  readonly reasoning: string | undefined;
  /** Text, reasoning and tool calls in the model's order, as the next step must send them back. */
  readonly parts: readonly SentPart[];
  /** In the order of the call parts. */
  readonly calls: readonly RequestedCall[];
  readonly usage: CallUsage;
  readonly finishReason: string;
}

export interface ModelCall {
  readonly model: LanguageModelV4;
  readonly options: Omit<LanguageModelV4CallOptions, 'abortSignal'>;
  readonly onText: (text: string, part: SpokenPart) => void;
  readonly signal: AbortSignal;
  /** Abort the call after this many ms without a byte. */
  readonly silenceMs: number;
}

/** How long a stream may occupy the thread, in ms. */
const turnMs = 2;

/** @throws the errors of the provider's package, ModelSilence, BrokenStream, AbortError */
export async function callModel({
  model,
  options,
  onText,
  signal,
  silenceMs,
}: ModelCall): Promise<ModelAnswer> {
  signal.throwIfAborted();
  const giveUp = new AbortController();
  const onAbort = (): void => giveUp.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let lastAt = performance.now();
  const silence = new ModelSilence(
    `sent nothing for ${Math.round(silenceMs / 100) / 10} s (setting modelSilenceMs)`,
  );
  // Every byte counts, not only parsed parts: a slow model or a long queue sends comments and pings.
  listenForBytes(giveUp.signal, () => {
    lastAt = performance.now();
  });
  // One timer for the whole stream: a timer per delta would cost more than the delta.
  const watch = setInterval(
    () => {
      if (performance.now() - lastAt >= silenceMs) giveUp.abort(silence);
    },
    Math.max(Math.min(silenceMs / 4, 1000), 5),
  );
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp.signal.addEventListener('abort', () => reject(giveUp.signal.reason), { once: true });
  });
  // An abort after the end would be an unhandled rejection.
  aborted.catch(() => undefined);
  const collected = new Collector(onText);
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined;
  try {
    // Some providers do not react to an abort at once.
    const { stream } = await Promise.race([
      model.doStream({ ...options, abortSignal: giveUp.signal }),
      aborted,
    ]);
    reader = stream.getReader();
    const read = reader;
    // Ends a pending read even if the provider ignores the signal.
    const stop = (): void => void read.cancel().catch(() => undefined);
    if (giveUp.signal.aborted) stop();
    giveUp.signal.addEventListener('abort', stop, { once: true });
    let turnAt = performance.now();
    for (;;) {
      const { done, value } = await read.read();
      if (done) break;
      lastAt = performance.now();
      collected.take(value);
      // A stream that is always ready stays in the microtask queue, and everything else would starve.
      if (lastAt - turnAt >= turnMs) {
        await nextTurn();
        turnAt = performance.now();
      }
    }
    giveUp.signal.throwIfAborted();
    return collected.answer();
  } catch (error) {
    if (giveUp.signal.aborted) throw giveUp.signal.reason;
    throw error;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', onAbort);
    if (reader !== undefined) {
      // Releases the provider's resources; errors do not matter any more.
      reader.cancel().catch(() => undefined);
    }
  }
}

/** Limit of text, reasoning and calls of one answer: ten times what models can write. */
const maxAnswerCharacters = 8 * 1024 * 1024;

/** Between two blocks of reasoning. */
const paragraph = '\n\n';

interface OpenBlock {
  readonly type: SpokenPart;
  readonly text: string[];
  metadata: PartMetadata | undefined;
  /** A high surrogate whose second half has not arrived yet. */
  carry: string;
  /** Its index among the parts, taken when it began: some packages end a text only after all others. */
  readonly place: number;
}

class Collector {
  private characters = 0;
  private hasReasoned = false;
  private readonly onText: ModelCall['onText'];
  /** Undefined: still open, or empty. */
  private readonly places: (SentPart | undefined)[] = [];
  private readonly calls: RequestedCall[] = [];
  private readonly open = new Map<string, OpenBlock>();
  private usage: LanguageModelV4Usage | undefined;
  private finishReason: string | undefined;
  private rawFinishReason: string | undefined;

  constructor(onText: ModelCall['onText']) {
    this.onText = onText;
  }

  take(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case 'text-start':
      case 'reasoning-start':
        this.open.set(part.id, {
          type: part.type === 'text-start' ? 'text' : 'reasoning',
          text: [],
          metadata: part.providerMetadata,
          carry: '',
          place: this.places.push(undefined) - 1,
        });
        break;
      case 'text-delta':
      case 'reasoning-delta': {
        this.count(part.delta);
        const block = this.open.get(part.id);
        if (block === undefined) break;
        block.metadata = merge(block.metadata, part.providerMetadata);
        this.addText(block, part.delta);
        break;
      }
      case 'text-end':
      case 'reasoning-end':
        this.end(part.id, part.providerMetadata);
        break;
      case 'tool-call':
        if (part.providerExecuted) break;
        this.count(part.input);
        this.addCall(part.toolCallId, wellFormed(part.toolName), part.input, part.providerMetadata);
        break;
      case 'finish':
        this.usage = part.usage;
        this.finishReason = part.finishReason.unified;
        this.rawFinishReason = part.finishReason.raw;
        break;
      case 'error':
        throw part.error;
      default:
        // The loop needs no metadata, sources, raw chunks or pieces of a call's input.
        break;
    }
  }

  private count({ length }: string): void {
    this.characters += length;
    if (this.characters > maxAnswerCharacters)
      throw new OverlongAnswer(`answered with more than ${maxAnswerCharacters} characters`);
  }

  private addText(block: OpenBlock, delta: string): void {
    let text = block.carry + delta;
    block.carry = '';
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      block.carry = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (text === '') return;
    const whole = sendable(text);
    const isNextReasoning = block.type === 'reasoning' && block.text.length === 0 && this.hasReasoned;
    if (block.type === 'reasoning') this.hasReasoned = true;
    block.text.push(whole);
    this.onText(isNextReasoning ? paragraph + whole : whole, block.type);
  }

  private addCall(callId: string, tool: string, input: string, metadata: PartMetadata | undefined): void {
    this.calls.push({ callId, tool, input });
    this.places.push({
      type: 'call',
      callId,
      tool,
      input: jsonOrEmpty(input),
      ...(metadata === undefined ? {} : { metadata }),
    });
  }

  private end(id: string, last: PartMetadata | undefined): void {
    const block = this.open.get(id);
    if (block === undefined) return;
    this.open.delete(id);
    if (block.carry !== '') this.addText({ ...block, carry: '' }, wellFormed(block.carry));
    const metadata = merge(block.metadata, last);
    const text = block.text.join('');
    // Reasoning may consist of metadata only.
    if (isBlank(text) && (block.type === 'text' || metadata === undefined)) return;
    this.places[block.place] = { type: block.type, text, ...(metadata === undefined ? {} : { metadata }) };
  }

  answer(): ModelAnswer {
    for (const id of [...this.open.keys()]) this.end(id, undefined);
    const parts = this.places.filter((part) => part !== undefined);
    // Anthropic and Z.ai end an answer this way if the context window has no room for it: earendil-works/pi,
    // overflow.ts.
    if (
      this.rawFinishReason === 'model_context_window_exceeded' &&
      parts.every(({ type }) => type === 'reasoning')
    )
      throw new WindowFull('the conversation fills the context window');
    if (this.finishReason === undefined) throw new BrokenStream('the stream ended before the answer did');
    // A stream that ends without usage may have been cut: the answer may be incomplete.
    const isEmptyHanded = (this.usage?.inputTokens.total ?? 0) + (this.usage?.outputTokens.total ?? 0) === 0;
    if (this.finishReason === 'interrupted' || (this.finishReason === 'other' && isEmptyHanded))
      throw new BrokenStream('the stream ended before the answer did');
    if (this.finishReason === 'error') throw new BrokenStream('the model reported an error');
    const { inputTokens, outputTokens } = this.usage ?? {};
    const reasoning = parts
      .flatMap((part) => (part.type === 'reasoning' && !isBlank(part.text) ? [part.text] : []))
      .join(paragraph);
    return {
      text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      reasoning: reasoning === '' ? undefined : reasoning,
      parts,
      calls: this.calls,
      usage: {
        inputTokens: inputTokens?.total ?? 0,
        outputTokens: outputTokens?.total ?? 0,
        cacheReadTokens: inputTokens?.cacheRead ?? 0,
        cacheWriteTokens: inputTokens?.cacheWrite ?? 0,
      },
      finishReason: this.finishReason,
    };
  }
}

/** Merges the metadata of a part by provider: later values win, and null is ignored. */
function merge(before: PartMetadata | undefined, after: PartMetadata | undefined): PartMetadata | undefined {
  if (before === undefined || after === undefined) return after ?? before;
  const merged: Record<string, unknown> = { ...before };
  for (const [provider, fields] of Object.entries(after)) {
    const known = merged[provider];
    merged[provider] = {
      ...(isRecord(known) ? known : {}),
      ...(isRecord(fields)
        ? Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null))
        : {}),
    };
  }
  return merged;
}

/** The input of a call as providers take it back: a JSON object. */
function jsonOrEmpty(input: string): unknown {
  try {
    const value: unknown = JSON.parse(input);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    // The result of the call reports the fault.
    return {};
  }
}
