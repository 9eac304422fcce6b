// `client.nodes`.

import type { Answer, Node } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { Resource } from './resource.ts';

/** The nodes that share the database. */
export class Nodes extends Resource {
  /** Lists the nodes that share the database and were seen in the last hour, oldest first. */
  list(options: CallOptions = {}): PageList<Answer<'listNodes', 200>, Node> {
    return this.calls.list('/api/nodes', options, {}, ({ nodes }) => nodes);
  }
}
