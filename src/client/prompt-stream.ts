// The events of one prompt. The run does not depend on the connection: the server is asked to let it continue
// (`Prefer: detach`), so a broken stream resumes, and a request whose answer was lost is repeated with the same
// Idempotency-Key. Leaving the stream therefore has to cancel the run.

import type { Answer, PromptRequest } from './api-objects.ts';
import type { PromptStreamOptions } from './call-options.ts';
import { type Calls, streamRequest } from './calls.ts';
import { followStream } from './event-stream.ts';
import { pathOf } from './query.ts';
import type { StreamEvent } from './stream-event.ts';
import type { OpenAnswer, RequestOptions } from './transport.ts';
import { WholeText } from './whole-text.ts';

const endTypes: ReadonlySet<string> = new Set(['run.complete', 'run.failed', 'run.cancelled']);
/** Leaving the stream takes this long at most, to learn which run it is and to cancel it. */
const lastWordMs = 2000;

/** A prompt that is sent when its events are read. */
export class PromptStream {
  readonly #calls: Calls;
  readonly #request: PromptRequest;
  readonly #options: PromptStreamOptions;
  /** Undefined: the stream cannot be resumed. */
  #runId: string | undefined;
  #connections = 0;

  constructor(calls: Calls, request: PromptRequest, options: PromptStreamOptions) {
    this.#calls = calls;
    this.#request = request;
    this.#options = options;
  }

  /** True if events may have been missed live, so questions may have been answered meanwhile. */
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
          return resume ? orAbort(begun, signal) : begun;
        },
        canResume: () => this.#runId !== undefined,
        isLast: ({ type }) => endTypes.has(type),
        onBreak: () => text.break(),
      });
      for await (const event of events) {
        if (event.type === 'permission.request') isWaiting = true;
        if (event.type === 'permission.resolved') isWaiting = false;
        hasEnded ||= endTypes.has(event.type);
        yield* text.complete(event);
      }
    } finally {
      const isLeft = !hasEnded && resume && !(keepWaiting && isWaiting);
      if (isLeft && begun !== undefined) await this.#cancel(begun, opening);
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
    const limit = setTimeout(() => opening.abort(), lastWordMs);
    try {
      const { deadline } = await begun;
      if (this.#runId !== undefined) {
        const options = { maxRetries: 0, signal: opening.signal };
        await this.#calls.send('POST', pathOf('runs', this.#runId, '/cancel'), undefined, options);
      }
      deadline.close();
    } catch {
      // The run has ended, or the server is away. The reader is gone, and gets the reason why it left.
    } finally {
      clearTimeout(limit);
    }
  }
}

/** Settles like the promise, or rejects with the signal's reason if that comes first. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
