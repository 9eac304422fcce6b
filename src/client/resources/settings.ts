// `client.settings`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** The settings of the server. */
export class Settings {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists the settings of the server with their origins. Secrets are masked. */
  list(options: CallOptions = {}): Promise<Answer<'listSettings', 200>> {
    return this.#calls.get('/api/settings', options);
  }
}
