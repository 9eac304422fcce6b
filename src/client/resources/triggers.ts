// `client.triggers`.

import type {
  Answer,
  Body,
  CreatedTrigger,
  Query,
  Trigger,
  TriggerCall,
  TriggerPatch,
} from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** Triggers: URLs that senders such as GitHub call, and schedules, which start runs. They need the scope `admin`. */
export class Triggers extends Resource {
  /** Lists triggers and the last call of each, oldest first. */
  list(query?: Query<'listTriggers'>, options?: CallOptions): PageList<Answer<'listTriggers', 200>, Trigger> {
    return this.calls.list('/api/triggers', options, query, ({ triggers }) => triggers);
  }

  /** Gets a trigger and its last call. @throws CodeBuddyApiError `trigger_not_found` */
  get(id: string, options?: CallOptions): Promise<Trigger> {
    return this.calls.get(pathOf('triggers', id), options);
  }

  /**
   * Creates a trigger. `secret` is shown only once.
   *
   * @throws CodeBuddyApiError `validation_failed`, `trigger_exists`
   * @example
   * const { path, secret } = await client.triggers.create({
   *   source: 'github',
   *   prompt: 'Review pull request {{pull_request.number}}.',
   *   filter: { events: ['pull_request.opened'] },
   * });
   */
  create(body: Body<'createTrigger'>, options?: CallOptions): Promise<CreatedTrigger> {
    return this.calls.send('POST', '/api/triggers', body, options);
  }

  /**
   * Updates a trigger. Missing fields stay unchanged; objects are replaced as a whole.
   *
   * @throws CodeBuddyApiError `trigger_not_found`, `validation_failed`
   * @example
   * await client.triggers.update(id, { enabled: false });
   */
  update(id: string, body: TriggerPatch, options?: CallOptions): Promise<Trigger> {
    return this.calls.send('PATCH', pathOf('triggers', id), body, options);
  }

  /** Deletes a trigger. Runs that it has started go on. @throws CodeBuddyApiError `trigger_not_found` */
  remove(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('triggers', id), undefined, options);
  }

  /**
   * Rotates the secret. The new one is shown only once; the old one is accepted for 24 h.
   *
   * @throws CodeBuddyApiError `trigger_not_found`, `validation_failed`
   * @example
   * const { secret, previousValidUntil } = await client.triggers.rotateSecret(id);
   */
  rotateSecret(
    id: string,
    body: Body<'rotateTriggerSecret'> = {},
    options?: CallOptions,
  ): Promise<Answer<'rotateTriggerSecret', 200>> {
    return this.calls.send('POST', pathOf('triggers', id, '/rotate-secret'), body, options);
  }

  /**
   * Shows what a call would do. Nothing is started or logged.
   *
   * @throws CodeBuddyApiError `trigger_not_found`
   * @example
   * const { outcome, reason, prompt } = await client.triggers.test(id, { payload, event: 'pull_request' });
   */
  test(
    id: string,
    body: Body<'testTrigger'> = {},
    options?: CallOptions,
  ): Promise<Answer<'testTrigger', 200>> {
    return this.calls.send('POST', pathOf('triggers', id, '/test'), body, options);
  }

  /**
   * Lists the calls of a trigger with their outcomes, newest first.
   *
   * @throws CodeBuddyApiError `trigger_not_found`
   */
  listCalls(
    id: string,
    query?: Query<'listTriggerCalls'>,
    options?: CallOptions,
  ): PageList<Answer<'listTriggerCalls', 200>, TriggerCall> {
    return this.calls.list(pathOf('triggers', id, '/calls'), options, query, ({ calls }) => calls);
  }
}
