// The file in which `codebuddy webhooks listen` keeps the secret, webhook and port of each name between starts:
// api/listen.json of the config folder.

import { readFileSync } from 'node:fs';
import { writePrivateFile } from '../base/atomic-file.ts';
import { fileError } from '../base/file-errors.ts';
import { ownFile } from '../base/home-paths.ts';

export interface KeptListener {
  readonly secret: string;
  readonly webhookId?: string;
  readonly port?: number;
}

type Kept = Readonly<Record<string, KeptListener>>;

export function readListener(home: string, name: string): KeptListener | undefined {
  const kept = read(home);
  return Object.hasOwn(kept, name) ? kept[name] : undefined;
}

/** Stores the listener, or removes the name if `listener` is undefined. */
export function keepListener(home: string, name: string, listener: KeptListener | undefined): void {
  const rest = Object.entries(read(home)).filter(([other]) => other !== name);
  const all = Object.fromEntries(listener === undefined ? rest : [...rest, [name, listener]]);
  writePrivateFile(fileIn(home), `${JSON.stringify(all, undefined, 2)}\n`);
}

function fileIn(home: string): string {
  return ownFile(home, 'listen.json');
}

function read(home: string): Kept {
  let text: string;
  try {
    text = readFileSync(fileIn(home), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw fileError(fileIn(home), 'cannot be read', error);
  }
  try {
    // Only this program writes the file.
    return JSON.parse(text) as Kept;
  } catch (cause) {
    throw new Error(`${fileIn(home)} is not valid JSON. Remove it to start afresh.`, { cause });
  }
}
