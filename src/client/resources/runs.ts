// `client.runs`.

import type { Answer, Body, PromptRequest, Query, Run } from '../api-objects.ts';
import type { CallOptions, CreateOptions, FollowOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import type { StreamEvent } from '../stream-event.ts';
import { Resource } from './resource.ts';

const endTypes: ReadonlySet<string> = new Set(['run.complete', 'run.cancelled']);

/** Runs: the agent working on a prompt. */
export class Runs extends Resource {
  /**
   * Sends a prompt without waiting for its answer.
   *
   * @example
   * const run = await client.runs.start('fix the failing test');
   */
  start(request: string | PromptRequest, options?: CreateOptions): Promise<Run> {
    const body = typeof request === 'string' ? { prompt: request } : request;
    return this.calls.create('/api/prompt', body, options, { prefer: 'respond-async' });
  }

  /**
   * Lists runs, newest first.
   *
   * @example
   * const { runs, nextCursor } = await client.runs.list({ status: 'failed', limit: 20 });
   */
  list(query?: Query<'listRuns'>, options?: CallOptions): PageList<Answer<'listRuns', 200>, Run> {
    return this.calls.list('/api/runs', options, query, ({ runs }) => runs);
  }

  /** Gets a run. @throws CodeBuddyApiError `run_not_found` */
  get(id: string, options?: CallOptions): Promise<Run> {
    return this.calls.get(pathOf('runs', id), options);
  }

  /**
   * Cancels a run. Resolves when it has ended, or to the unfinished run if it works on another node that does not
   * answer within 5 s.
   * @throws CodeBuddyApiError `run_not_found`, `run_ended`, `node_unavailable`
   */
  cancel(id: string, options?: CallOptions): Promise<Answer<'cancelRun', 200>> {
    return this.calls.send('POST', pathOf('runs', id, '/cancel'), undefined, options);
  }

  /**
   * Sends a message to a run that has not ended; the run sees it before its next step.
   *
   * @throws CodeBuddyApiError `run_not_found`, `run_ended`, `step_mismatch`, `not_supported_by_agent`,
   * `too_many_messages`, `node_unavailable`
   * @example
   * await client.runs.steer(run.id, 'Leave the tests as they are.');
   */
  steer(
    id: string,
    message: string | Body<'steerRun'>,
    options?: CreateOptions,
  ): Promise<Answer<'steerRun', 202>> {
    const body = typeof message === 'string' ? { text: message } : message;
    return this.calls.create(pathOf('runs', id, '/steer'), body, options);
  }

  /** Resumes an interrupted or failed run. @throws CodeBuddyApiError `run_not_found`, `run_not_resumable` */
  resume(id: string, options?: CallOptions): Promise<Answer<'resumeRun', 202>> {
    return this.calls.send('POST', pathOf('runs', id, '/resume'), undefined, options);
  }

  /**
   * Streams the events of a run, from its first event to its end. Reconnects and resumes when the connection breaks.
   * After a break, the texts of `message.delta` still add up to the text of the message.
   *
   * @example
   * for await (const event of client.runs.events(run.id, { deltas: true })) console.log(event.type, event.data);
   */
  events(id: string, options?: FollowOptions): AsyncGenerator<StreamEvent, void> {
    // Not `run.failed`: the run may have been resumed. If not, the server says that no more events will come.
    const isLast = ({ type }: StreamEvent): boolean => endTypes.has(type);
    return this.calls.follow(pathOf('runs', id, '/events'), options, {}, { isLast, isOneRun: true });
  }
}
