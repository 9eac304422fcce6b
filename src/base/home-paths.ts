// Paths in the config folder. The first version of this program uses the folder, too, with its own `config.json` and
// `codebuddy.db`; both versions share `webhooks.json`. Files of this server alone are in the subfolder `api`.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** `CODEBUDDY_HOME`, or `~/.codebuddy`. */
export function defaultHome(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.CODEBUDDY_HOME || join(homedir(), '.codebuddy');
}

/** The subfolder with this server's own files. */
export function apiFolder(home: string): string {
  return join(home, 'api');
}

/** Our own small files, all in `apiFolder`. */
export type OwnFile = (typeof ownFileNames)[number];

export const ownFileNames = [
  'config.json',
  'api-key',
  'server.json',
  'listen.json',
  // Of a server that a command started.
  'server.log',
  // While a command starts one.
  'server.starting',
  'chat-history',
] as const;

export function ownFile(home: string, name: OwnFile): string {
  return join(apiFolder(home), name);
}

/** The path of the same file in earlier releases, beside the first version's. */
export function oldFile(home: string, name: OwnFile | 'codebuddy.db'): string {
  return join(home, name);
}

/** Git worktrees of sessions. Not below `api`, whose files are secret. */
export function worktreesFolder(home: string): string {
  return join(home, 'worktrees');
}

/** The default database. */
export function databaseIn(home: string): string {
  return join(apiFolder(home), 'codebuddy.db');
}

/** Shared with the first version, so it stays in the config folder itself. */
export function webhooksFile(home: string): string {
  return join(home, 'webhooks.json');
}

/** Beside webhooks.json. */
export function triggersFile(home: string): string {
  return join(home, 'triggers.json');
}
