// Answers a request with the content of a file: conditional requests and one range, as RFC 9110 describes them. A file
// of the workspace is content of others: a browser must never run it as a page of this server.

import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline, Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../base/errors.ts';
import { type MediaType, mediaTypeOf } from './media-type.ts';

/** A document in a sandbox has an origin of its own, and runs no scripts. */
const contentSecurityPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";
/** A date is a strong validator only if nothing was written within its second. */
const strongDateAfterMs = 60_000;

export interface AnsweredFile {
  readonly handle: FileHandle;
  readonly name: string;
}

/** Closes the handle. @throws CodeBuddyError `range_not_satisfiable` */
export async function answerWithFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { handle, name }: AnsweredFile,
): Promise<FastifyReply> {
  let isSent = false;
  try {
    const stats = await handle.stat({ bigint: true });
    const size = Number(stats.size);
    const type = await mediaTypeOf(name, handle, size);
    const etag = etagOf(stats);
    const modified = new Date(Number(stats.mtimeMs));
    reply
      .header('ETag', etag)
      .header('Last-Modified', modified.toUTCString())
      .header('Accept-Ranges', 'bytes')
      .header('Cache-Control', 'private, no-cache');
    if (isUnchanged(request, etag, modified)) return reply.code(304).send();
    reply
      .type(type.type)
      .header('Content-Disposition', disposition(name, type))
      .header('Content-Security-Policy', contentSecurityPolicy)
      .header('Cross-Origin-Resource-Policy', 'same-origin');
    const range = isRangeValid(request, etag, modified) ? rangeOf(request.headers.range, size) : undefined;
    if (range === 'unsatisfiable')
      throw new CodeBuddyError(
        'range_not_satisfiable',
        `The file has ${size} bytes; the range is beyond its end.`,
        {
          headers: { 'Content-Range': `bytes */${size}` },
        },
      );
    const { first, last } = range ?? { first: 0, last: size - 1 };
    const length = last - first + 1;
    reply.code(range === undefined ? 200 : 206).header('Content-Length', length);
    if (range !== undefined) reply.header('Content-Range', `bytes ${first}-${last}/${size}`);
    // A stream keeps the length of the answer to HEAD.
    if (request.method === 'HEAD' || length === 0) return reply.send(Readable.from([]));
    isSent = true;
    return reply.send(contentOf(handle, first, last));
  } finally {
    if (!isSent) await handle.close();
  }
}

/** Fails if the file has become shorter, so that the connection is closed and the client sees it. */
function contentOf(handle: FileHandle, first: number, last: number): Transform {
  let missing = last - first + 1;
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      missing -= chunk.length;
      done(null, chunk);
    },
    flush(done) {
      done(missing === 0 ? null : new Error('the file became shorter while it was read'));
    },
  });
  // Also closes the file if the client disconnects.
  pipeline(handle.createReadStream({ start: first, end: last }), checked, () => undefined);
  return checked;
}

function etagOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  const hash = createHash('sha256').update(`${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`).digest('base64url');
  return `"${hash.slice(0, 22)}"`;
}

/** RFC 9110 §13.2.2: `If-Modified-Since` counts only without `If-None-Match`. */
function isUnchanged({ headers }: FastifyRequest, etag: string, modified: Date): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    // The weak comparison.
    return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return !Number.isNaN(since) && Math.floor(modified.getTime() / 1000) * 1000 <= since;
}

function isRangeValid({ headers }: FastifyRequest, etag: string, modified: Date): boolean {
  const condition = headers['if-range'];
  if (typeof condition !== 'string') return true;
  if (condition.startsWith('"') || condition.startsWith('W/')) return condition === etag;
  return condition === modified.toUTCString() && Date.now() - modified.getTime() > strongDateAfterMs;
}

/** Undefined: the whole file. A server may ignore a list of ranges, and ignores what it does not understand. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '');
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') return undefined;
    const length = Math.min(Number(to), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last };
}

/** RFC 6266: a name in ASCII, and the real one. Documents that could run scripts are only ever saved. */
function disposition(name: string, { isActive }: MediaType): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const kind = isActive ? 'attachment' : 'inline';
  return `${kind}; filename="${ascii}"${ascii === name ? '' : `; filename*=UTF-8''${encoded}`}`;
}
