// `client.workspaces`.

import type { Answer } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import { Resource } from './resource.ts';

/** The folders that sessions work in. */
export class Workspaces extends Resource {
  /** Lists the folders that sessions may work in, and those that they work in, with their state in git. */
  list(options?: CallOptions): Promise<Answer<'listWorkspaces', 200>> {
    return this.calls.get('/api/workspaces', options);
  }
}
