// As root, a command owns the nodes of /dev/null and its like, and bubblewrap mounts those of the machine writable: one `chmod` would take
// them from every other program. Read-only mounts of them, in a mount namespace around bubblewrap, still work as devices.

import { readFile } from 'node:fs/promises';
import type { ProgramFinder } from '../../programs/program-finder.ts';

const capabilitySysAdmin = 1n << 21n;

/** `$0` is `mount`, the arguments are bubblewrap with its own. */
const script = [
  'for node in null zero full random urandom tty; do',
  // In two steps: the kernel does not read "ro" when it makes a bind mount, and not every `mount` adds the second one itself.
  '  "$0" -o bind "/dev/$node" "/dev/$node" && "$0" -o remount,bind,ro "/dev/$node" || exit 1',
  'done',
  'exec "$@"',
].join('\n');

/** What to put before bubblewrap's own command line. Root without capabilities, as in some containers, cannot mount; nothing then. */
export async function deviceGuard(
  uid: number | undefined,
  programs: Pick<ProgramFinder, 'findSystem'>,
): Promise<readonly string[]> {
  if (uid !== 0) return [];
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & capabilitySysAdmin) === 0n) return [];
  // By their paths: a program that the agent planted would run as root, outside the sandbox.
  const [unshare, shell, mount] = ['unshare', 'sh', 'mount'].map((name) => programs.findSystem(name));
  if (unshare === undefined || shell === undefined || mount === undefined)
    throw new Error('unshare, sh and mount (util-linux) are needed to run commands as root');
  return [unshare, '--mount', '--propagation', 'private', '--', shell, '-c', script, mount];
}
