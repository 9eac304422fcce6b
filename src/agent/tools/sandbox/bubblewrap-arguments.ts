// Builds the command line of bubblewrap. Mounts happen in the order of the arguments, and later ones lie over earlier
// ones: first the whole system read-only, then the masks, then the workspace, then the covers and masks in it.

import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { openOwnFiles } from '../../own-files.ts';
import { errnoOf } from '../system-errors.ts';
import type { CommandUser } from './command-user.ts';
import { credentialPlaces, maskedKernelFiles, privateFolders, socketFolders } from './hidden-places.ts';
import { findHostSockets } from './host-sockets.ts';
import { type Mask, type MaskArguments, maskArguments, maskOf } from './mask.ts';
import { findRootOnlyFiles } from './root-only-files.ts';
import type { SandboxOptions } from './sandbox-options.ts';
import { filterDescriptor, statusDescriptor } from './start-command.ts';

export interface WrappedCommand {
  readonly cwd: string;
  readonly user: CommandUser;
  /** Further arguments after the mount of the workspace (read-only covers). Masks still apply. */
  readonly covers: readonly string[];
}

type ArgumentOptions = Pick<
  SandboxOptions,
  'workspace' | 'hidden' | 'network' | 'environment' | 'serverEnvironment' | 'hide' | 'show'
> & { readonly tmpBytes: number };

/**
 * All arguments before the command itself. Looks for places to hide each time.
 * @throws Error if a place cannot be examined
 */
export async function bubblewrapArguments(
  options: ArgumentOptions,
  { cwd, user, covers }: WrappedCommand,
): Promise<readonly string[]> {
  const { workspace, network, environment, tmpBytes } = options;
  const programs = pathFolders(environment);
  const places = await hiddenPlaces(options, user, programs);
  return [
    ...['--unshare-user', '--disable-userns', '--cap-drop', 'ALL'],
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(network ? [] : ['--unshare-net']),
    ...['--new-session', '--die-with-parent'],
    ...['--seccomp', String(filterDescriptor), '--json-status-fd', String(statusDescriptor)],
    ...['--ro-bind', '/', '/'],
    ...['--dev', '/dev', '--perms', '1777', '--size', String(tmpBytes), '--tmpfs', '/dev/shm'],
    ...['--proc', '/proc', ...(await kernelMasks())],
    ...places.before,
    ...['--bind', workspace, workspace],
    ...covers,
    // After the covers, which show files of the workspace again: some of these must stay hidden.
    ...places.after,
    ...(await visibleAgain(options, programs)),
    ...places.last,
    // Root owns the files of /proc and could otherwise change their permissions for the whole machine.
    ...['--remount-ro', '/dev', '--remount-ro', '/proc'],
    ...['--chdir', cwd],
    '--',
  ];
}

async function hiddenPlaces(
  { workspace, hidden, hide = [], show = [], serverEnvironment = process.env, tmpBytes }: ArgumentOptions,
  user: CommandUser,
  programs: readonly string[],
): Promise<MaskArguments> {
  const homes = user.homes.length > 0 ? user.homes : [homedir()];
  const inHomes = (path: string): readonly string[] =>
    path.startsWith('~/') ? homes.map((home) => `${home}${path.slice(1)}`) : [path];
  const shown = new Set(show.flatMap(inHomes));
  const credentials = Object.values(credentialPlaces).flat().flatMap(inHomes);
  const paths = [
    // Listed for each command, because copies are created and removed.
    ...(await (await openOwnFiles(hidden)).list()),
    ...[...socketFolders, ...hide].flatMap(inHomes),
    ...credentials.filter((path) => !shown.has(path)),
    ...(await findHostSockets({ workspace, environment: serverEnvironment, homes })),
  ];
  const [found, ownTmp, rootOnly] = await Promise.all([
    Promise.all([...new Set(paths)].map((path) => maskOf(path, user))),
    Promise.all(privateFolders.map((path) => maskOf(path, user))),
    user.ids?.uid === 0 ? findRootOnlyFiles([...homes, ...programs]) : [],
  ]);
  const masks: readonly Mask[] = [
    ...rootOnly,
    ...found.filter((mask) => mask !== undefined),
    ...ownTmp.flatMap((mask) =>
      mask === undefined ? [] : [{ path: mask.path, as: 'private folder' as const }],
    ),
  ];
  return maskArguments(masks, { workspace, tmpBytes });
}

function pathFolders({ PATH = '' }: Readonly<Record<string, string>>): readonly string[] {
  return PATH.split(':').filter((folder) => folder.startsWith('/'));
}

/** The parts of /run that commands need: programs (NixOS), and with the network the file that names the DNS servers. */
async function visibleAgain(
  { network, workspace }: ArgumentOptions,
  programs: readonly string[],
): Promise<readonly string[]> {
  const paths = programs.filter((folder) => isInFolder(folder, '/run') && !isInFolder(workspace, folder));
  if (network) {
    try {
      const resolvers = await realpath('/etc/resolv.conf');
      if (isInFolder(resolvers, '/run')) paths.push(resolvers);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return paths.flatMap((path) => ['--ro-bind-try', path, path]);
}

async function kernelMasks(): Promise<readonly string[]> {
  const found = await Promise.all(
    maskedKernelFiles.map(async (path) => {
      try {
        await access(path, constants.F_OK);
        return ['--ro-bind', '/dev/null', path];
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return [];
        throw error;
      }
    }),
  );
  return found.flat();
}
