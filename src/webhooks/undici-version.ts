// undici, loaded when it is needed, and refused at the start if it is one that a receiver can crash: bodies that end at the wrong moment end the
// process in releases before 8.6 (nodejs/undici#5360, #5474). A host application may bring its own.

import { createRequire } from 'node:module';
import type { Client } from 'undici';

const least = [8, 6] as const;

/** Of the undici that is found. @throws Error in words if it is too old */
export function checkUndici(): void {
  const { version } = createRequire(import.meta.url)('undici/package.json') as { version: string };
  checkUndiciVersion(version);
}

let loading: Promise<typeof Client> | undefined;

/** Loaded when the first request is made: it takes longer to load than the rest of a start. */
export function loadUndici(): Promise<typeof Client> {
  loading ??= import('undici').then((undici) => undici.Client);
  return loading;
}

/** @throws Error in words */
export function checkUndiciVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  throw new Error(
    `undici ${version} was found, but webhooks need ${least.join('.')} or later: a receiver can crash older ones. Update undici in this application.`,
  );
}
