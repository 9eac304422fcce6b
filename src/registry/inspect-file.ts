// Reports what a start would find in the file of a registry, without starting or changing anything.

import { maskUrlsIn } from '../base/redaction.ts';
import { type EntryKind, parseFile } from './registry-entries.ts';
import { readRegistryFile } from './registry-file.ts';

export interface InspectedFile {
  readonly count: number;
  /** The reason why the file cannot be used. */
  readonly fault: string | undefined;
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** Undefined if there is no file. */
export function inspectFile<Config>(path: string, kind: EntryKind<Config>): InspectedFile | undefined {
  const content = readRegistryFile(path, { mayChangeMode: false });
  if (content.kind === 'missing') return undefined;
  if (content.kind !== 'text') return { count: 0, fault: content.reason, refused: [] };
  const parsed = parseFile(content.text, kind, new Map());
  if (parsed.kind === 'refused') return { count: 0, fault: parsed.reason, refused: [] };
  const refused = [...parsed.entries.values()].flatMap(({ id, refusal }) =>
    refusal === undefined ? [] : [{ id, reason: maskUrlsIn(refusal) }],
  );
  return { count: parsed.entries.size, fault: undefined, refused };
}
