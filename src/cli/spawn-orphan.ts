// Starts a program that does not descend from this process. Some editors end an agent together with all processes that
// descend from it, in whichever process group they are.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** Unix only. `output`: a file descriptor for its standard output and standard error. Resolves to its process id. */
export async function spawnOrphan(program: string, args: readonly string[], output: number): Promise<number> {
  // The shell ends at once, so the program belongs to the init process.
  const script = '"$@" >&3 2>&3 3>&- & echo $!';
  const shell = spawn('/bin/sh', ['-c', script, 'sh', program, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore', output],
  });
  const failed = new Promise<never>((_resolve, reject) => shell.once('error', reject));
  const pid = shell.stdout === null ? failed : text(shell.stdout);
  return Number(await Promise.race([pid, failed]));
}
