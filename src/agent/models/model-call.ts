// One call of a model: its stream read to the end, its text passed on as it comes, and what it gave as one value. Silence is an end, too.

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
import { listenForLife } from './model-http.ts';
import { BrokenStream, ModelSilence, OverlongAnswer, WindowFull } from './provider-error.ts';

export interface RequestedCall {
  readonly callId: string;
  readonly tool: string;
  /** As the model wrote it: JSON, if all is well. */
  readonly input: string;
}

export interface CallUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

export interface ModelAnswer {
  readonly text: string;
  /** Text, reasoning and tool calls in their order, as they must be sent back in the next step. */
  readonly parts: readonly SentPart[];
  /** In the order of the call parts. */
  readonly calls: readonly RequestedCall[];
  readonly usage: CallUsage;
  readonly finishReason: string;
}

export interface ModelCall {
  readonly model: LanguageModelV4;
  readonly options: Omit<LanguageModelV4CallOptions, 'abortSignal'>;
  readonly onText: (text: string) => void;
  readonly signal: AbortSignal;
  /** Without a byte for this long, it is given up. */
  readonly silenceMs: number;
}

/** How long a stream may hold the thread. */
const turnMs = 2;

/** @throws whatever the provider's package throws, ModelSilence, BrokenStream, AbortError */
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
  // Bytes, not only what the provider's package makes of them: a slow model or a long queue sends comments and pings.
  listenForLife(giveUp.signal, () => {
    lastAt = performance.now();
  });
  // One timer for the whole stream: a timer for each delta would cost more than the delta.
  const watch = setInterval(
    () => {
      if (performance.now() - lastAt >= silenceMs) giveUp.abort(silence);
    },
    Math.max(Math.min(silenceMs / 4, 1000), 5),
  );
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp.signal.addEventListener('abort', () => reject(giveUp.signal.reason), { once: true });
  });
  // Without this, an abort after the end would be a rejection that nobody handles.
  aborted.catch(() => undefined);
  const collected = new Collector(onText);
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined;
  try {
    // Not all that is behind a model heeds an abort at once.
    const { stream } = await Promise.race([
      model.doStream({ ...options, abortSignal: giveUp.signal }),
      aborted,
    ]);
    reader = stream.getReader();
    const read = reader;
    // Ends the read that waits, whatever the provider makes of the signal.
    const stop = (): void => void read.cancel().catch(() => undefined);
    if (giveUp.signal.aborted) stop();
    giveUp.signal.addEventListener('abort', stop, { once: true });
    let turnAt = performance.now();
    for (;;) {
      const { done, value } = await read.read();
      if (done) break;
      lastAt = performance.now();
      collected.take(value);
      // A stream that is always ready never leaves the microtasks: readers of what is said, and all others, would starve.
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
      // Tells the provider that nobody reads on; what it says to that does not matter.
      reader.cancel().catch(() => undefined);
    }
  }
}

/** Text, reasoning and calls of one answer; the longest that models are made for are a tenth of it. */
const maxAnswerCharacters = 8 * 1024 * 1024;

interface OpenBlock {
  readonly type: 'text' | 'reasoning';
  readonly text: string[];
  metadata: PartMetadata | undefined;
  /** The first half of a character whose second half has not come yet. */
  carry: string;
  /** Its place among the parts: where it began. Some packages end a text only when all is over. */
  readonly place: number;
}

class Collector {
  private characters = 0;
  private readonly onText: (text: string) => void;
  /** Undefined: open, or of no use. */
  private readonly places: (SentPart | undefined)[] = [];
  private readonly calls: RequestedCall[] = [];
  private readonly open = new Map<string, OpenBlock>();
  private usage: LanguageModelV4Usage | undefined;
  private finishReason: string | undefined;
  private rawFinishReason: string | undefined;

  constructor(onText: (text: string) => void) {
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
        // Metadata, sources, raw chunks and pieces of a call's input: nothing that the loop needs.
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
    block.text.push(whole);
    if (block.type === 'text') this.onText(whole);
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
    // Reasoning may be all in its metadata.
    if (isBlank(text) && (block.type === 'text' || metadata === undefined)) return;
    this.places[block.place] = { type: block.type, text, ...(metadata === undefined ? {} : { metadata }) };
  }

  answer(): ModelAnswer {
    for (const id of [...this.open.keys()]) this.end(id, undefined);
    const parts = this.places.filter((part) => part !== undefined);
    // Anthropic and Z.ai end an answer this way when there was no room for it: earendil-works/pi, overflow.ts.
    if (
      this.rawFinishReason === 'model_context_window_exceeded' &&
      parts.every(({ type }) => type === 'reasoning')
    )
      throw new WindowFull('the conversation fills all that the model can read');
    if (this.finishReason === undefined) throw new BrokenStream('the stream ended before the answer did');
    // A stream that ends without a word of the model's own: what is there may be half of it.
    const isEmptyHanded = (this.usage?.inputTokens.total ?? 0) + (this.usage?.outputTokens.total ?? 0) === 0;
    if (this.finishReason === 'interrupted' || (this.finishReason === 'other' && isEmptyHanded))
      throw new BrokenStream('the stream ended before the answer did');
    if (this.finishReason === 'error') throw new BrokenStream('the model reported an error');
    const { inputTokens, outputTokens } = this.usage ?? {};
    return {
      text: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
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

/** What came later about a part counts, provider by provider; null says nothing. */
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

/** What is sent back for a call that was no JSON object: providers take nothing else. */
function jsonOrEmpty(input: string): unknown {
  try {
    const value: unknown = JSON.parse(input);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    // The call is answered with what is wrong with it.
    return {};
  }
}
