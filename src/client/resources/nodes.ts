// `client.nodes`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';

/** The nodes that share the database. */
export class Nodes {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists the nodes that share the database and were seen in the last hour, oldest first. */
  list(options: CallOptions = {}): Promise<Answer<'listNodes', 200>> {
    return this.#calls.get('/api/nodes', options);
  }
}
