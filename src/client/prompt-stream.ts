// The events of one prompt. The run does not depend on the connection: the server is asked to let it continue
// (`Prefer: detach`), so a broken stream resumes, and a request whose answer was lost is repeated with the same
// Idempotency-Key. Leaving the stream therefore has to cancel the run.

import { abortable } from '../base/abortable.ts';
import type { Answer, PromptRequest } from './api-objects.ts';
import type { PromptStreamOptions } from './call-options.ts';
import { type Calls, streamRequest } from './calls.ts';
import { followStream } from './event-stream.ts';
import { pathOf } from './query.ts';
import type { StreamEvent } from './stream-event.ts';
import type { OpenAnswer, RequestOptions } from './transport.ts';
import { WholeText } from './whole-text.ts';

const endTypes: ReadonlySet<string> = new Set(['run.complete', 'run.failed', 'run.cancelled']);
/** The run waits from these on, and works again from those on. */
const waitTypes: ReadonlySet<string> = new Set(['permission.request', 'question.asked', 'tool.request']);
const workTypes: ReadonlySet<string> = new Set([
  'permission.resolved',
  'question.answered',
  'question.expired',
  'tool.start',
  'tool.error',
]);
/** When the stream is left, the time limit for learning the id of its run and cancelling it. */
const cancelLimitMs = 2000;

/** A prompt that is sent when its events are read. */
export class PromptStream {
  readonly #calls: Calls;
  readonly #request: PromptRequest;
  readonly #options: PromptStreamOptions;
  /** Undefined: the stream cannot be resumed. */
  #runId: string | undefined;
  #connections = 0;
  /** The answer to the prompt has begun. */
  #isOpen = false;

  constructor(calls: Calls, request: PromptRequest, options: PromptStreamOptions) {
    this.#calls = calls;
    this.#request = request;
    this.#options = options;
  }

  /** True after a reconnection: a permission of an old event may have been decided meanwhile. */
  get isLate(): boolean {
    return this.#connections > 1;
  }

  async *events(): AsyncGenerator<StreamEvent, void> {
    const { signal, keepWaiting = false, resume = true } = this.#options;
    const text = new WholeText();
    // Not the caller's signal: the run must be known before it can be cancelled.
    const opening = new AbortController();
    let begun: Promise<OpenAnswer> | undefined;
    let isWaiting = false;
    let hasEnded = false;
    try {
      const events = followStream(this.#calls.transport, {
        ...this.#options,
        open: (after) => {
          this.#connections++;
          if (begun !== undefined) return this.#follow(after);
          begun = this.#begin(resume ? opening.signal : signal, text);
          return resume && signal !== undefined ? abortable(begun, signal) : begun;
        },
        canResume: () => this.#runId !== undefined,
        isLast: ({ type }) => endTypes.has(type),
        onBreak: () => text.break(),
      });
      for await (const event of events) {
        if (waitTypes.has(event.type)) isWaiting = true;
        else if (workTypes.has(event.type)) isWaiting = false;
        hasEnded ||= endTypes.has(event.type);
        yield* text.complete(event);
      }
    } finally {
      const isLeft = !hasEnded && resume && !(keepWaiting && isWaiting);
      if (isLeft && begun !== undefined) {
        const cancelled = this.#cancel(begun, opening);
        // An abort before the answer is reported at once. The run is cancelled as soon as it is known.
        if (this.#isOpen) await cancelled;
      }
    }
  }

  /** Sends the prompt. */
  async #begin(signal: AbortSignal | undefined, text: WholeText): Promise<OpenAnswer> {
    const { keepWaiting = false, resume = true, idempotencyKey = crypto.randomUUID() } = this.#options;
    const prefer = resume ? 'detach' : keepWaiting ? 'respond-async' : undefined;
    const request: RequestOptions = {
      method: 'POST',
      path: '/api/prompt',
      body: this.#request,
      headers: {
        accept: 'text/event-stream, application/json;q=0.5',
        ...(prefer === undefined ? {} : { prefer }),
        // Without `resume`, a lost connection cancels the run, so a repetition would find a cancelled one.
        ...(resume || this.#options.idempotencyKey !== undefined
          ? { 'idempotency-key': idempotencyKey }
          : {}),
      },
      maxRetries: this.#options.maxRetries,
      timeoutMs: this.#options.timeoutMs ?? 0,
      signal,
    };
    const opened = await this.#calls.transport.open(request);
    const { answer, deadline } = opened;
    this.#isOpen = true;
    deadline.watch(this.#options.signal);
    if (answer.headers.get('preference-applied') === 'detach')
      this.#runId = answer.headers.get('location')?.split('/').pop();
    if (answer.status !== 202) return opened;
    // The run of an earlier request with this Idempotency-Key.
    const run = JSON.parse(await answer.text()) as Answer<'prompt', 202>;
    deadline.release();
    this.#runId = run.status === 'waiting' ? run.runId : run.id;
    this.#connections++;
    text.break();
    return this.#follow(undefined);
  }

  #follow(after: number | undefined): Promise<OpenAnswer> {
    const path = pathOf('runs', this.#runId ?? '', '/events');
    const request = streamRequest(path, { deltas: true }, after, this.#options);
    return this.#calls.transport.open({ ...request, maxRetries: 0 });
  }

  /** Cancels the run, if the server has started it. */
  async #cancel(begun: Promise<OpenAnswer>, opening: AbortController): Promise<void> {
    const limit = setTimeout(() => opening.abort(), cancelLimitMs);
    try {
      const { deadline } = await begun;
      if (this.#runId !== undefined) {
        const options = { maxRetries: 0, signal: opening.signal };
        await this.#calls.send('POST', pathOf('runs', this.#runId, '/cancel'), undefined, options);
      }
      deadline.close();
    } catch {
      // The run has ended, or the server cannot be reached. The caller has left the stream and needs no second error.
    } finally {
      clearTimeout(limit);
    }
  }
}
