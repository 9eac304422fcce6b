// Where other programs of this machine listen on Unix sockets. A socket file is reached through a read-only mount as well, and the network
// namespace does not matter for it, so each must be covered. Looked at for every command: services come and go.

import { lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { isCode, isIn } from './cover.ts';

export interface HostSocketOptions {
  readonly workspace: string;
  /** The server's whole environment: it names sockets of agents. */
  readonly environment: NodeJS.ProcessEnv;
  readonly homes: readonly string[];
}

/** How far the workspace is searched: sockets made in another network namespace, as a container's, are in no list of the kernel. */
const maxDepth = 4;
const maxFolders = 500;

/** Paths of sockets and of folders with sockets, real or not. */
export async function findHostSockets(options: HostSocketOptions): Promise<readonly string[]> {
  const found = await Promise.all([
    listeningSockets(),
    namedSockets(options),
    socketsBelow(options.workspace),
  ]);
  return found.flat();
}

/** Pathname sockets that the kernel knows of. */
async function listeningSockets(): Promise<readonly string[]> {
  const lines = (await readFile('/proc/net/unix', 'utf8')).split('\n').slice(1);
  // Number, references, protocol, flags, type, state, inode, path.
  const paths = lines.map((line) => /^(?:\S+\s+){7}(\/.*)$/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))];
}

/** What variables such as SSH_AUTH_SOCK, DOCKER_HOST and DBUS_SESSION_BUS_ADDRESS name, and XDG_RUNTIME_DIR. */
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
      // Its whole folder, since it may be made anew; unless much else is there.
      const folder = dirname(path);
      const isShared = [...homes, workspace].some((needed) => isIn(needed, folder)) || folder === '/';
      sockets.push(isShared || isIn(folder, workspace) ? path : folder);
    }
  }
  const runtime = environment.XDG_RUNTIME_DIR;
  return runtime !== undefined && isAbsolute(runtime) ? [...sockets, runtime] : sockets;
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSocket();
  } catch (error) {
    // A variable may hold any text; one that names a place closed to us names no socket that a command could use.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG', 'ELOOP'].some((code) => isCode(error, code)))
      return false;
    throw error;
  }
}

/** Near ones first: a workspace with more folders is not searched to its end. */
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
    // Gone meanwhile, or closed to us and so to the command.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].some((code) => isCode(error, code))) return [];
    throw error;
  }
}
