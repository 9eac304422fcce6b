// Protects device nodes from commands that run as root. Root owns /dev/null and the like, and bubblewrap mounts the
// machine's nodes writable: one `chmod` would make them unusable for every other program. Read-only mounts of them
// still work as devices.

import { readFile } from 'node:fs/promises';
import type { ProgramFinder } from '../../programs/program-finder.ts';

const capabilitySysAdmin = 1n << 21n;

/** `$0` is `mount`; the arguments are the command line of bubblewrap. */
const script = [
  'for node in null zero full random urandom tty; do',
  // In two steps: the kernel ignores "ro" for a new bind mount, and not every `mount` adds the remount itself.
  '  "$0" -o bind "/dev/$node" "/dev/$node" && "$0" -o remount,bind,ro "/dev/$node" || exit 1',
  'done',
  'exec "$@"',
].join('\n');

/**
 * The words before bubblewrap's command line; none for ordinary users, and for root without the capability to mount, as
 * in some containers.
 */
export async function deviceGuard(
  uid: number | undefined,
  programs: Pick<ProgramFinder, 'findSystem'>,
): Promise<readonly string[]> {
  if (uid !== 0) return [];
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & capabilitySysAdmin) === 0n) return [];
  // By absolute paths: a program planted by the agent would run as root, outside the sandbox.
  const [unshare, shell, mount] = ['unshare', 'sh', 'mount'].map((name) => programs.findSystem(name));
  if (unshare === undefined || shell === undefined || mount === undefined)
    throw new Error('unshare, sh and mount (util-linux) are needed to run commands as root');
  return [unshare, '--mount', '--propagation', 'private', '--', shell, '-c', script, mount];
}
