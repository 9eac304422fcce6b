// `client.models`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** Models that could answer prompts. */
export class Models extends Resource {
  /** Lists the models that could answer, which one was chosen and why. */
  list(options?: CallOptions): Promise<Answer<'listModels', 200>> {
    return this.calls.get('/api/models', options);
  }
}
