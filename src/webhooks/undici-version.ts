// Loads undici on first use, and refuses releases before 8.6 at the start: in those, a body that ends at the wrong
// moment ends the process (nodejs/undici#5360, #5474). A host application may bring its own undici, so the version is
// not known before.

import { createRequire } from 'node:module';
import type { Client } from 'undici';

const minimum = [8, 6] as const;

/** Check the version of the undici that is found. @throws Error if it is too old */
export function checkUndici(): void {
  const { version } = createRequire(import.meta.url)('undici/package.json') as { version: string };
  checkUndiciVersion(version);
}

/** The file of the Client. The whole package takes 13 MB of memory and 40 ms more to load. */
const clientFile: string = 'undici/lib/dispatcher/client.js';

let loading: Promise<typeof Client> | undefined;

/** Load undici's Client; call it for the first request, since loading takes longer than the rest of a start. */
export function loadUndici(): Promise<typeof Client> {
  loading ??= loadClient();
  return loading;
}

async function loadClient(): Promise<typeof Client> {
  try {
    const { default: client } = (await import(clientFile)) as { readonly default?: unknown };
    if (typeof client === 'function') return client as typeof Client;
  } catch {
    // A release that has it elsewhere. The package has it, too.
  }
  return (await import('undici')).Client;
}

/** @throws Error if the version is too old */
export function checkUndiciVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  throw new Error(
    `undici ${version} was found, but webhooks need ${minimum.join('.')} or later: a receiver can crash older releases. Update undici in this application.`,
  );
}
