// What the sandbox is told, and the words for how it fares.

import type { SandboxMode } from '../../../contract/sandbox.ts';
import type { SandboxLimits } from './sandbox-limits.ts';
import type { SetupVerdict } from './setup-failure.ts';

export interface SandboxOptions {
  readonly mode: SandboxMode;
  /** The real path of the folder that may be written. */
  readonly workspace: string;
  /** The server's own files and folders, which must not be seen, as entries of own-files.ts. */
  readonly hidden: readonly string[];
  readonly network: boolean;
  /** What commands get of the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The server's environment, which names sockets to hide. @default process.env */
  readonly serverEnvironment?: NodeJS.ProcessEnv;
  readonly limits?: Partial<SandboxLimits>;
  /** Further places to hide; `~` is the home folder. @default none */
  readonly hide?: readonly string[];
  /** Places of the table of credentials that stay visible. @default none */
  readonly show?: readonly string[];
  /** @default bwrap, looked up in PATH outside the workspace */
  readonly program?: string;
  /** Time for one start of bubblewrap when it is tried out, in ms. @default 5000 */
  readonly probeTimeoutMs?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

/** `missing`: not installed. `unavailable`: it cannot work here. `failed`: it was slow or failed now, and is tried again. */
export type SandboxState = { readonly status: 'works' | 'off' } | SetupVerdict;
