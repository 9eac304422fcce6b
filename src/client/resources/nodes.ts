// `client.nodes`.

import type { Answer, Node } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { Calls } from '../calls.ts';
import type { PageList } from '../paging.ts';

/** The nodes that share the database. */
export class Nodes {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Lists the nodes that share the database and were seen in the last hour, oldest first. */
  list(options: CallOptions = {}): PageList<Answer<'listNodes', 200>, Node> {
    return this.#calls.list('/api/nodes', options, {}, ({ nodes }) => nodes);
  }
}
