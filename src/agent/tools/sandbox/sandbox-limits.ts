// Limits on what a command may use. The shell that starts the command sets hard limits, which the command cannot raise.

export interface SandboxLimits {
  /** Processes and threads of one command. Does not apply to root (see docs/sandbox.md). @default 4096 */
  readonly processes: number;
  /** Private memory of each process (heap and the like), in MiB. @default 8192 */
  readonly memoryMb: number;
  /** Size of each written file, in MiB. @default 4096 */
  readonly fileMb: number;
  /** Size of each of /tmp, /var/tmp and /dev/shm, which are in memory, in MiB. @default 2048 */
  readonly tmpMb: number;
}

export const defaultSandboxLimits: SandboxLimits = {
  processes: 4096,
  memoryMb: 8192,
  fileMb: 4096,
  tmpMb: 2048,
};

/**
 * A POSIX shell script that sets the limits and then runs the command `$1` in the shell `$0`. Exits with 125 if a limit
 * cannot be set and no lower one applies. Virtual memory is not limited: Node.js reserves far more of it than it uses.
 */
export function limitingScript({ processes, memoryMb, fileMb }: SandboxLimits): string {
  return [
    'limit() { ulimit "-$1" "$2" 2>/dev/null || [ "$(ulimit -H "-$1")" != unlimited ] || exit 125; }',
    // The limit of processes is -u in bash and ksh, -p in dash and BusyBox.
    `if (ulimit -u) >/dev/null 2>&1; then limit u ${processes}; else limit p ${processes}; fi`,
    `limit d ${memoryMb * 1024}`,
    // In blocks of 512 bytes.
    `limit f ${fileMb * 2048}`,
    'limit c 0',
    'exec "$0" -c "$1"',
  ].join('\n');
}
