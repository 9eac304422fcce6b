// `client.models`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** Models that could answer prompts. */
export class Models {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists the models that could answer, which one was chosen and why. */
  list(options: CallOptions = {}): Promise<Answer<'listModels', 200>> {
    return this.#calls.get('/api/models', options);
  }
}
