// The names under which models see the tools of a server: `server__tool`. Models accept at most 64 characters of
// [A-Za-z0-9_-]; other names are mapped, always to the same name, so that a conversation can continue after a restart.

import { createHash } from 'node:crypto';
import { withoutTrailing } from '../../base/without-trailing.ts';

const maxLength = 64;
const separator = '__';
/** A longer server name would leave too little for the tool. */
const maxPrefix = 40;

/** The part before `__`: the server's name, shortened if it is very long. */
export function prefixOf(server: string): string {
  return server.length <= maxPrefix ? server : shorten(server, maxPrefix);
}

/** The part of a name before the first `__`; undefined if there is none. */
export function prefixIn(name: string): string | undefined {
  const at = name.indexOf(separator);
  return at <= 0 || at + separator.length === name.length ? undefined : name.slice(0, at);
}

/** The server's own names by the names for models, in the same order. */
export function nameTools(server: string, tools: readonly string[]): ReadonlyMap<string, string> {
  const start = prefixOf(server) + separator;
  const room = maxLength - start.length;
  const isLegal = (tool: string): boolean => /^[A-Za-z0-9_-]+$/.test(tool) && tool.length <= room;
  const own = new Set(tools);
  const taken = new Set(tools.filter(isLegal));
  const map = (tool: string): string => {
    let mapped = shorten(tool, room);
    // Another tool has exactly this name and keeps it.
    for (let attempt = 1; taken.has(mapped); attempt++) mapped = shorten(tool, room, String(attempt));
    taken.add(mapped);
    return mapped;
  };
  return new Map([...own].map((tool) => [start + (isLegal(tool) ? tool : map(tool)), tool]));
}

/**
 * A legal name of at most `room` characters that ends with a part of the text's hash, so that it differs for different
 * texts.
 */
function shorten(text: string, room: number, salt = ''): string {
  const hash = createHash('sha256').update(text).update(salt).digest('hex').slice(0, 8);
  // No `_` before the hash: a server's prefix must not contain `__`.
  const start = withoutTrailing(
    text.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, room - hash.length - 1),
    '_',
  );
  return start === '' ? hash : `${start}-${hash}`;
}
