// Ends a sandboxed command when its server has died, at any moment of its start. bubblewrap's --die-with-parent works
// only once it has started: if the server dies earlier, bubblewrap itself runs on, and a bubblewrap that is killed while
// it starts leaves a process that waits for it for ever.

/** The command's end of a pipe from the server. It is closed when the server ends, however it ends. */
export const lifelineDescriptor = 5;

/**
 * `$@` is the command line of bubblewrap. It replaces this shell, so the process and its group stay the same; the reader
 * of the pipe is a child that bubblewrap ignores. A cancelled command gets SIGTERM, which does not end the reader.
 */
const script = [
  `(trap '' TERM; read -r _; kill -KILL 0) <&${lifelineDescriptor} ${lifelineDescriptor}<&- 3<&- 4<&- >/dev/null 2>&1 &`,
  `exec "$@" ${lifelineDescriptor}<&-`,
].join('\n');

/** The words before the command line of bubblewrap. `shell`: the absolute path of a POSIX shell. */
export function lifeline(shell: string): readonly string[] {
  return [shell, '-c', script, shell];
}
