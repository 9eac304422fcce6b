// `client.runs`.

import type { Answer, PromptRequest, Query, Run } from '../api-objects.ts';
import type { CallOptions, CreateOptions, FollowOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';
import type { StreamEvent } from '../stream-event.ts';

const endTypes: ReadonlySet<string> = new Set(['run.complete', 'run.cancelled']);

/** Runs: the agent working on a prompt. */
export class Runs {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Sends a prompt without waiting for its answer.
   *
   * @example
   * const run = await client.runs.start({ prompt: 'fix the failing test' });
   */
  start(request: PromptRequest, options: CreateOptions = {}): Promise<Run> {
    return this.#calls.send('POST', '/api/prompt', request, options, { prefer: 'respond-async' });
  }

  /**
   * Lists runs, newest first.
   *
   * @example
   * const { runs, nextCursor } = await client.runs.list({ status: 'failed', limit: 20 });
   */
  list(query: Query<'listRuns'> = {}, options: CallOptions = {}): Promise<Answer<'listRuns', 200>> {
    return this.#calls.get('/api/runs', options, query);
  }

  /** Gets a run. @throws ApiError `run_not_found` */
  get(id: string, options: CallOptions = {}): Promise<Run> {
    return this.#calls.get(pathOf(id), options);
  }

  /**
   * Cancels a run. Resolves when it has ended, or to the unfinished run if it works on another node that does not answer
   * within 5 s.
   * @throws ApiError `run_not_found`, `run_ended`, `node_unavailable`
   */
  cancel(id: string, options: CallOptions = {}): Promise<Answer<'cancelRun', 200>> {
    return this.#calls.send('POST', `${pathOf(id)}/cancel`, undefined, options);
  }

  /** Resumes an interrupted or failed run. @throws ApiError `run_not_found`, `run_not_resumable` */
  resume(id: string, options: CallOptions = {}): Promise<Answer<'resumeRun', 202>> {
    return this.#calls.send('POST', `${pathOf(id)}/resume`, undefined, options);
  }

  /**
   * Streams the events of a run, from its first event to its end. Reconnects and resumes when the connection breaks.
   *
   * @example
   * for await (const event of client.runs.events(run.id, { deltas: true })) console.log(event.type, event.data);
   */
  events(id: string, options: FollowOptions = {}): AsyncGenerator<StreamEvent> {
    // Not `run.failed`: the run may have been resumed. If not, the server says that no more events will come.
    return this.#calls.follow(`${pathOf(id)}/events`, options, {}, ({ type }) => endTypes.has(type));
  }
}

function pathOf(id: string): string {
  return `/api/runs/${encodeURIComponent(id)}`;
}
