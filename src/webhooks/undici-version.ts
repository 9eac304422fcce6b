// undici, loaded when the engine opens, and refused if it is one that a receiver can crash: bodies that end at the wrong moment end the
// process in releases before 8.6 (nodejs/undici#5360, #5474). A host application may bring its own.

import { createRequire } from 'node:module';
import type { Client } from 'undici';

const least = [8, 6] as const;

/** @throws Error in words if the undici that is found is too old */
export async function loadUndici(): Promise<typeof Client> {
  const { version } = createRequire(import.meta.url)('undici/package.json') as { version: string };
  checkUndiciVersion(version);
  return (await import('undici')).Client;
}

/** @throws Error in words */
export function checkUndiciVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  throw new Error(
    `undici ${version} was found, but webhooks need ${least.join('.')} or later: a receiver can crash older ones. Update undici in this application.`,
  );
}
