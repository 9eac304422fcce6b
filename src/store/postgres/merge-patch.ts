// A JSON merge patch (RFC 7396) of a row's details. It is applied here and not by the database, which keeps neither the
// spelling of numbers nor U+0000 in jsonb.

import { isRecord } from '../../base/is-record.ts';

/** `patch` and the result are JSON text. @throws SyntaxError if the patch is not JSON */
export function mergePatchText(target: unknown, patch: string): string {
  return JSON.stringify(mergePatch(target, JSON.parse(patch)));
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  // Without a prototype, so that a member named __proto__ is like any other.
  const merged: Record<string, unknown> = Object.assign(Object.create(null), isRecord(target) ? target : {});
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
