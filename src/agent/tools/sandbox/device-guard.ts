// As root, a command owns the nodes of /dev/null and its like, and bubblewrap mounts those of the machine writable: one `chmod` would take
// them from every other program. Read-only mounts of them, in a mount namespace around bubblewrap, still work as devices.

import { readFile } from 'node:fs/promises';

const capabilitySysAdmin = 1n << 21n;

/** `$0` and its arguments are bubblewrap's. */
const script = [
  'for node in null zero full random urandom tty; do',
  // In two steps: the kernel does not read "ro" when it makes a bind mount, and not every `mount` adds the second one itself.
  '  mount -o bind "/dev/$node" "/dev/$node" && mount -o remount,bind,ro "/dev/$node" || exit 1',
  'done',
  'exec "$0" "$@"',
].join('\n');

/** What to put before bubblewrap's own command line. Root without capabilities, as in some containers, cannot mount; nothing then. */
export async function deviceGuard(uid: number | undefined): Promise<readonly string[]> {
  if (uid !== 0) return [];
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) & capabilitySysAdmin) === 0n) return [];
  return ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script];
}
