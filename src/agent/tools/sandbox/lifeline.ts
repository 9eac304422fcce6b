// Ends a sandboxed command when its server has died, at any moment of its start. bubblewrap's --die-with-parent works
// only once it has started. If the server dies earlier, bubblewrap continues; if bubblewrap is killed while it starts, it
// leaves its child behind, which waits for it forever or runs the command without it.

import { randomBytes } from 'node:crypto';

/** The command's end of a pipe from the server. It is closed when the server ends, however it ends. */
export const lifelineDescriptor = 5;

/**
 * `$1` names the start, the rest is the command line. It replaces this shell, so the process and its group stay the
 * same. The reader of the pipe becomes another child of bubblewrap, which ignores it. SIGTERM, which cancels a command,
 * does not end the reader.
 *
 * bubblewrap goes first, so that it starts nothing more. Its child may have left the group, and is found by the name in
 * its command line. The first line of the reader's own command line does not have the name.
 */
const script = `
(
  trap '' TERM
  read -r _
  kill -KILL $$
  left=yes
  while [ $left = yes ]; do
    left=no
    for file in /proc/[0-9]*/cmdline; do
      line=
      read -r line <"$file"
      case $line in *"--unsetenv$1"*) pid=\${file#/proc/}; kill -KILL "\${pid%/cmdline}" && left=yes ;; esac
    done
  done
  kill -KILL 0
) <&${lifelineDescriptor} ${lifelineDescriptor}<&- 3<&- 4<&- >/dev/null 2>&1 &
shift
exec "$@" ${lifelineDescriptor}<&-`;

export interface Lifeline {
  /** The words before the command line. */
  readonly before: readonly string[];
  /** The first arguments of bubblewrap. They have no effect: they name the start. */
  readonly name: readonly string[];
}

/** `shell`: the absolute path of a POSIX shell. */
export function createLifeline(shell: string): Lifeline {
  const name = `CODEBUDDY_START_${randomBytes(16).toString('hex')}`;
  return { before: [shell, '-c', script, shell, name], name: ['--unsetenv', name] };
}
