// Determines the user that runs a command. A server that runs as root starts it as the owner of the workspace: root
// could read every file of the machine, and without the capabilities that the sandbox drops it could not write another
// user's workspace.

import { readFile, stat } from 'node:fs/promises';

export interface CommandUser {
  /** Undefined for the server's own user and groups. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
  /** Home folders whose credentials are hidden. */
  readonly homes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** A group that owns no files, for users without an entry in /etc/passwd. */
const nogroup = 65_534;

export async function findCommandUser(
  workspace: string,
  environment: Readonly<Record<string, string>>,
): Promise<CommandUser> {
  const ownHome = environment.HOME === undefined ? [] : [environment.HOME];
  if (process.getuid?.() !== 0) return { ids: undefined, homes: ownHome, environment };
  const { uid, gid } = await stat(workspace);
  // Set even for root: then supplementary groups such as `disk` and `docker` are dropped.
  if (uid === 0) return { ids: { uid: 0, gid: 0 }, homes: [...new Set([...ownHome, '/root'])], environment };
  const entry = await findAccount(uid);
  const home = entry?.home ?? '/tmp';
  const name = entry?.name ?? String(uid);
  return {
    // Not the group of the folder: the owner may not be in it.
    ids: { uid, gid: entry?.gid ?? (gid === 0 ? nogroup : gid) },
    homes: entry === undefined ? [] : [home],
    environment: { ...environment, HOME: home, USER: name, LOGNAME: name },
  };
}

async function findAccount(
  uid: number,
): Promise<{ readonly name: string; readonly gid: number; readonly home: string } | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const [name, , , gid, , home] = lines.find((fields) => fields[2] === String(uid)) ?? [];
  if (name === undefined || gid === undefined || !/^\d+$/.test(gid)) return undefined;
  return { name, gid: Number(gid), home: home?.startsWith('/') ? home : '/tmp' };
}
