// Finds the Unix sockets on which other programs of this machine listen. A program can connect to a socket file through
// a read-only mount and from any network namespace, so each one must be masked. They are searched for every command,
// because services start and stop.

import { lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { errnoOf } from '../system-errors.ts';

export interface HostSocketOptions {
  readonly workspace: string;
  /** The server's whole environment, which names sockets such as ssh-agent's. */
  readonly environment: NodeJS.ProcessEnv;
  readonly homes: readonly string[];
}

/**
 * How deep the workspace is searched. The kernel does not list sockets of other network namespaces, such as a
 * container's.
 */
const maxDepth = 4;
const maxFolders = 500;

/** Paths of sockets and of folders with sockets; they may lead through links. */
export async function findHostSockets(options: HostSocketOptions): Promise<readonly string[]> {
  const found = await Promise.all([
    listeningSockets(),
    namedSockets(options),
    socketsBelow(options.workspace),
  ]);
  return found.flat();
}

/** Pathname sockets that the kernel lists. */
async function listeningSockets(): Promise<readonly string[]> {
  const lines = (await readFile('/proc/net/unix', 'utf8')).split('\n').slice(1);
  // Number, references, protocol, flags, type, state, inode, path.
  const paths = lines.map((line) => /^(?:\S+\s+){7}(\/.*)$/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))];
}

/** Sockets named by variables such as SSH_AUTH_SOCK, DOCKER_HOST and DBUS_SESSION_BUS_ADDRESS, and XDG_RUNTIME_DIR. */
async function namedSockets({
  environment,
  homes,
  workspace,
}: HostSocketOptions): Promise<readonly string[]> {
  const paths = Object.values(environment).flatMap((value) => {
    const path = value?.replace(/^unix:(?:\/\/)?(?:path=)?/, '').split(',', 1)[0] ?? '';
    return isAbsolute(path) && !path.includes('\0') ? [path] : [];
  });
  const sockets: string[] = [];
  for (const path of new Set(paths)) {
    if (await isSocket(path)) {
      // The whole folder is hidden, since the socket may be created again, unless the folder holds much else.
      const folder = dirname(path);
      const isShared = [...homes, workspace].some((needed) => isInFolder(needed, folder)) || folder === '/';
      sockets.push(isShared || isInFolder(folder, workspace) ? path : folder);
    }
  }
  const runtime = environment.XDG_RUNTIME_DIR;
  return runtime !== undefined && isAbsolute(runtime) ? [...sockets, runtime] : sockets;
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSocket();
  } catch (error) {
    // A variable may hold any text. A place that the server cannot enter has no socket that a command could use.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Searches breadth first; a workspace with more than `maxFolders` folders is not searched completely. */
async function socketsBelow(root: string): Promise<readonly string[]> {
  const sockets: string[] = [];
  let folders = [root];
  let foldersLeft = maxFolders;
  for (let depth = 0; depth < maxDepth && folders.length > 0; depth++) {
    const next: string[] = [];
    await Promise.all(
      folders.map(async (folder) => {
        for (const entry of await readFolder(folder)) {
          if (entry.isSocket()) sockets.push(join(folder, entry.name));
          else if (entry.isDirectory() && entry.name !== 'node_modules') next.push(join(folder, entry.name));
        }
      }),
    );
    foldersLeft -= folders.length;
    folders = next.slice(0, foldersLeft);
  }
  return sockets;
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // The folder was deleted, or the server may not read it; then the command may not either.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}
