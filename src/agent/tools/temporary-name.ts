// Names of the temporary files that writes leave behind only after a crash.

import { randomBytes } from 'node:crypto';

/** Contains the pid: another server on the same workspace can tell that the file is in use. */
export function temporaryName(): string {
  return `.codebuddy-${process.pid}-${randomBytes(8).toString('hex')}.tmp`;
}

/** Names of earlier releases have no pid. */
const pattern = /^\.codebuddy-(?:(\d{1,10})-)?[0-9a-f]{16}\.tmp$/;

export function isTemporaryName(name: string): boolean {
  return pattern.test(name);
}

/** Undefined if the name has none. */
export function pidOfTemporaryName(name: string): number | undefined {
  const pid = Number(pattern.exec(name)?.[1] ?? 0);
  return pid === 0 ? undefined : pid;
}
