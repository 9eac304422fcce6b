// `client.signIn`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** The sign-in of a browser. */
export class SignIn {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Gets who the caller is, and what it may do. */
  get(options: CallOptions = {}): Promise<Answer<'getSignIn', 200>> {
    return this.#calls.get('/api/sign-in', options);
  }

  /** Signs this browser in, with the key of the client or a code of `createCode` in its place. */
  create(options: CallOptions = {}): Promise<Answer<'createSignIn', 201>> {
    return this.#calls.send('POST', '/api/sign-in', undefined, options);
  }

  /** Signs this browser out. */
  delete(options: CallOptions = {}): Promise<void> {
    return this.#calls.send('DELETE', '/api/sign-in', undefined, options);
  }

  /**
   * Creates a code that signs one browser in within 60 s.
   *
   * @example
   * const { code } = await client.signIn.createCode();
   * console.log(`${client.url}/#sign-in=${code}`);
   */
  createCode(options: CallOptions = {}): Promise<Answer<'createSignInCode', 201>> {
    return this.#calls.send('POST', '/api/sign-in-codes', undefined, options);
  }
}
