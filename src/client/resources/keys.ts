// `client.keys`.

import type { Answer, Body } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { pathOf } from '../query.ts';
import { Resource } from './resource.ts';

/** API keys. */
export class Keys extends Resource {
  /** Lists API keys, oldest first. */
  list(options?: CallOptions): Promise<Answer<'listKeys', 200>> {
    return this.calls.get('/api/keys', options);
  }

  /**
   * Creates an API key. It is shown only once.
   *
   * @example
   * const { key } = await client.keys.create({ name: 'ci', scopes: ['read', 'prompt'] });
   */
  create(body: Body<'createKey'>, options?: CallOptions): Promise<Answer<'createKey', 201>> {
    return this.calls.send('POST', '/api/keys', body, options);
  }

  /** Revokes an API key. It stops working at once. @throws CodeBuddyApiError `key_not_found` */
  revoke(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('keys', id), undefined, options);
  }
}
