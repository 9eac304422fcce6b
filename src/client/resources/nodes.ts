// `client.nodes`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** The nodes that share the database. */
export class Nodes extends Resource {
  /** Lists the nodes that share the database and were seen in the last hour, oldest first. */
  list(options?: CallOptions): Promise<Answer<'listNodes', 200>> {
    return this.calls.get('/api/nodes', options);
  }
}
