// Reads the file of a registry without checking its entries, for programs that move them. The next start checks them.

import { type Entries, type FileForm, parseFile } from './registry-entries.ts';
import { readRegistryFile } from './registry-file.ts';

export interface UncheckedFile {
  /** Undefined if there is no file. */
  readonly text: string | undefined;
  readonly entries: Entries<undefined>;
  readonly form: FileForm;
}

/** @throws Error that names the file if it cannot be used as a whole */
export function readUncheckedFile(path: string, plural: string): UncheckedFile {
  const content = readRegistryFile(path, { mayChangeMode: false });
  if (content.kind === 'missing') return { text: undefined, entries: new Map(), form: { kind: 'array' } };
  if (content.kind !== 'text') throw new Error(`${path} cannot be used: ${content.reason}.`);
  const parsed = parseFile(content.text, { plural, parse: nothing, readRefused: nothing }, new Map());
  if (parsed.kind === 'refused') throw new Error(`${path} cannot be used: ${parsed.reason}.`);
  return { text: content.text, entries: parsed.entries, form: parsed.form };
}

function nothing(): undefined {
  return undefined;
}
