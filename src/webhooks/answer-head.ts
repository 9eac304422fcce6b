// Reads the head of an answer leniently, in bounded memory. Used only if undici's parser gives up: a receiver that sent
// a status line has answered, however large or malformed the rest of its head is. Nearly all answers are well-formed,
// so the bytes are kept and parsed on demand.

import type { ReceiverHeaders } from './transport-result.ts';

export interface AnswerHead {
  /** The final status; undefined until its line is complete. */
  readonly status: number | undefined;
  readonly headers: ReceiverHeaders;
  /** True if the bytes are HTTP/2 frames. */
  readonly isHttp2: boolean;
  /** `chunk` must not change afterwards. */
  add(chunk: Uint8Array): void;
  /** Call it before each request, and to free memory. */
  reset(): void;
}

/** The part of the head that the next line belongs to. `interim`: headers of a 1xx answer. */
type Part = 'status' | 'interim' | 'headers' | 'done';

/** Longer lines are cut; no header that is used is that long. */
const maxLine = 2048;
const maxHeadBytes = 64 * 1024;
/** The bytes are parsed once this many are kept. */
const maxKeptBytes = 16 * 1024;
const frameHeaderBytes = 9;
const settingsFrame = 4;
const goAwayFrame = 7;

const names: Readonly<Record<string, keyof ReceiverHeaders>> = {
  'retry-after': 'retryAfter',
  'webhook-delivery': 'deliveryControl',
  date: 'date',
  location: 'location',
};

export function createAnswerHead(): AnswerHead {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let part: Part = 'status';
  let status: number | undefined;
  let line = '';
  let readBytes = 0;
  let first: number[] = [];
  let found = new Map<keyof ReceiverHeaders, string | undefined>();

  function endLine(): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    line = '';
    if (part === 'status') {
      // RFC 9112 §2.2: empty lines before a message are ignored.
      if (text === '') return;
      const code = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/.exec(text)?.[1];
      if (code === undefined) part = 'done';
      else if (code.startsWith('1')) part = 'interim';
      else {
        status = Number(code);
        part = 'headers';
      }
    } else if (text === '') part = part === 'interim' ? 'status' : 'done';
    else if (part === 'headers') readHeader(text);
  }

  function readHeader(text: string): void {
    const colon = text.indexOf(':');
    const name = names[text.slice(0, colon).trim().toLowerCase()];
    if (colon < 1 || name === undefined) return;
    // A header sent more than once is ambiguous, so it is ignored.
    found.set(name, found.has(name) ? undefined : text.slice(colon + 1).trim());
  }

  function parseKept(): void {
    for (const chunk of kept) parse(chunk);
    kept = [];
    keptBytes = 0;
  }

  function parse(chunk: Uint8Array): void {
    if (first.length < frameHeaderBytes) first.push(...chunk.subarray(0, frameHeaderBytes - first.length));
    readBytes += chunk.length;
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    let start = 0;
    while (part !== 'done') {
      const end = text.indexOf('\n', start);
      const piece = end === -1 ? text.slice(start) : text.slice(start, end);
      if (line.length < maxLine) line += piece.slice(0, maxLine - line.length);
      if (end === -1) break;
      endLine();
      start = end + 1;
    }
    if (part === 'headers' && readBytes > maxHeadBytes) part = 'done';
  }

  return {
    get status() {
      parseKept();
      return status;
    },
    get headers() {
      parseKept();
      return {
        retryAfter: found.get('retryAfter'),
        deliveryControl: found.get('deliveryControl'),
        date: found.get('date'),
        location: found.get('location'),
      };
    },
    get isHttp2() {
      parseKept();
      // RFC 9113 §3.4 and §6.5: a server begins with SETTINGS on stream 0; one that refuses may send only GOAWAY.
      const [, , , type, , ...stream] = first;
      return (
        first.length === frameHeaderBytes &&
        (type === settingsFrame || type === goAwayFrame) &&
        stream.every((byte) => byte === 0)
      );
    },
    add(chunk) {
      if (part === 'done' && first.length === frameHeaderBytes) return;
      kept.push(chunk);
      keptBytes += chunk.length;
      if (keptBytes > maxKeptBytes) parseKept();
    },
    reset() {
      kept.length = 0;
      keptBytes = 0;
      if (readBytes === 0) return;
      part = 'status';
      status = undefined;
      line = '';
      readBytes = 0;
      first = [];
      found = new Map();
    },
  };
}
