// `client.keys`.

import type { Answer, ApiKey, Body } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** API keys. */
export class Keys extends Resource {
  /** Lists API keys, oldest first. */
  list(options: CallOptions = {}): PageList<Answer<'listKeys', 200>, ApiKey> {
    return this.calls.list('/api/keys', options, {}, ({ keys }) => keys);
  }

  /**
   * Creates an API key. It is shown only once.
   *
   * @example
   * const { key } = await client.keys.create({ name: 'ci', scopes: ['read', 'prompt'], limits: { promptsPerMinute: 10 } });
   */
  create(body: Body<'createKey'>, options?: CallOptions): Promise<Answer<'createKey', 201>> {
    return this.calls.send('POST', '/api/keys', body, options);
  }

  /**
   * Changes the limits of an API key; null removes a limit. @throws CodeBuddyApiError `key_not_found`
   *
   * @example
   * await client.keys.update(id, { limits: { requestsPerMinute: 600, promptsPerMinute: null } });
   */
  update(id: string, body: Body<'updateKey'>, options?: CallOptions): Promise<Answer<'updateKey', 200>> {
    return this.calls.send('PATCH', pathOf('keys', id), body, options);
  }

  /** Revokes an API key. It stops working at once. @throws CodeBuddyApiError `key_not_found` */
  revoke(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('keys', id), undefined, options);
  }
}
