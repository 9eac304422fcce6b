// Options of the sandbox, and its states.

import type { SandboxMode } from '../../../contract/sandbox.ts';
import type { CallMarks } from '../../processes/call-marks.ts';
import type { SandboxLimits } from './sandbox-limits.ts';
import type { SetupVerdict } from './setup-failure.ts';

export interface SandboxOptions {
  readonly mode: SandboxMode;
  /** The real path of the folder that may be written. */
  readonly workspace: string;
  /** The server's own files and folders, which commands must not see, as entries of own-files.ts. */
  readonly hidden: readonly string[];
  readonly network: boolean;
  /** The environment of commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** The server's environment, whose variables name sockets to hide. @default process.env */
  readonly serverEnvironment?: NodeJS.ProcessEnv;
  readonly limits?: Partial<SandboxLimits>;
  /** More places to hide; `~` is the home folder. @default none */
  readonly hide?: readonly string[];
  /** Entries of the table of credentials that stay visible. @default none */
  readonly show?: readonly string[];
  /** The path of bubblewrap. @default `bwrap`, looked up in PATH outside the workspace */
  readonly program?: string;
  /** Marks the processes of a trial start, so that all of them are ended. @default none */
  readonly marks?: CallMarks;
  /** Time for one trial start of bubblewrap, in ms. @default 5000 */
  readonly probeTimeoutMs?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

/**
 * `missing`: not installed. `unavailable`: it cannot work here. `failed`: the last start was too slow or failed; the
 * next command tries again.
 */
export type SandboxState = { readonly status: 'works' | 'off' } | SetupVerdict;
