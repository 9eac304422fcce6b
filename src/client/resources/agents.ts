// `client.agents`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** Agents that could answer prompts. */
export class Agents extends Resource {
  /** Lists the agents that could answer, which of them are there, and what each can do. */
  list(options?: CallOptions): Promise<Answer<'listAgents', 200>> {
    return this.calls.get('/api/agents', options);
  }
}
