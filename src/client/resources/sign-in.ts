// `client.signIn`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** The sign-in of a browser. */
export class SignIn extends Resource {
  /** Gets the identity and the scopes of the caller. */
  get(options?: CallOptions): Promise<Answer<'getSignIn', 200>> {
    return this.calls.get('/api/sign-in', options);
  }

  /** Signs this browser in. `apiKey` of the client is an API key, or a code of `createCode`. */
  create(options?: CallOptions): Promise<Answer<'createSignIn', 201>> {
    return this.calls.send('POST', '/api/sign-in', undefined, options);
  }

  /** Signs this browser out. */
  delete(options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', '/api/sign-in', undefined, options);
  }

  /**
   * Creates a code that signs one browser in within 60 s.
   *
   * @example
   * const { code } = await client.signIn.createCode();
   * console.log(`${client.url}/#sign-in=${code}`);
   */
  createCode(options?: CallOptions): Promise<Answer<'createSignInCode', 201>> {
    return this.calls.send('POST', '/api/sign-in-codes', undefined, options);
  }
}
