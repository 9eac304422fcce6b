// Limits of what a command may use. The shell that starts the command sets them as hard limits, so the command cannot raise them again.

export interface SandboxLimits {
  /** Processes and threads of one command. Does not hold for root (see docs/sandbox.md). @default 4096 */
  readonly processes: number;
  /** Memory of each process, in MiB: its heap and other private data. @default 8192 */
  readonly memoryMb: number;
  /** Size of each file that is written, in MiB. @default 4096 */
  readonly fileMb: number;
  /** Size of each of /tmp, /var/tmp and /dev/shm, in MiB; they are in memory. @default 2048 */
  readonly tmpMb: number;
}

export const defaultSandboxLimits: SandboxLimits = {
  processes: 4096,
  memoryMb: 8192,
  fileMb: 4096,
  tmpMb: 2048,
};

/**
 * A POSIX shell script that sets the limits and then runs the command `$1` in the shell `$0`. A limit that cannot be set is all
 * right only if a lower one holds already. The size of virtual memory stays free: Node.js reserves far more of it than it uses.
 */
export function limitingScript({ processes, memoryMb, fileMb }: SandboxLimits): string {
  return [
    'limit() { ulimit "-$1" "$2" 2>/dev/null || [ "$(ulimit -H "-$1")" != unlimited ] || exit 125; }',
    // Processes are -u in bash and ksh, -p in dash and BusyBox.
    `if (ulimit -u) >/dev/null 2>&1; then limit u ${processes}; else limit p ${processes}; fi`,
    `limit d ${memoryMb * 1024}`,
    // In blocks of 512 bytes.
    `limit f ${fileMb * 2048}`,
    'limit c 0',
    'exec "$0" -c "$1"',
  ].join('\n');
}
