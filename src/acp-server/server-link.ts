// The server that answers the editor. The command line provides it: it finds a running server or starts one.

import type { CodeBuddyClient } from '../client/index.ts';

export interface ServerLink {
  /**
   * Resolves to a client of a running server. Starts a server that works in `folder` if none is running and this is
   * allowed.
   * @throws CodeBuddyConnectionError
   */
  connect(folder: string): Promise<CodeBuddyClient>;
  /** Starts a server that has crashed again, as `connect` would. Leaves one alone that was stopped. */
  revive(folder: string): Promise<void>;
  /** @throws CodeBuddyApiError, CodeBuddyConnectionError */
  place(client: CodeBuddyClient): Promise<Place>;
}

/** Where the agent of the server works. */
export interface Place {
  /** Undefined if a host application answers prompts, or the key lacks the scope `read`. */
  readonly workspace: string | undefined;
  /** True if the server runs on this machine, so that its files can be read here. */
  readonly isLocal: boolean;
}
