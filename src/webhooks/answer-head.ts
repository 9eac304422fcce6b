// The head of an answer, read leniently from the bytes as they come. It is asked only when undici's parser gives up: a receiver that sent a
// status line has decided, however large or odd the rest of its head is. Constant memory.

import type { ReceiverHeaders } from './transport-result.ts';

export interface AnswerHead {
  /** The final status; undefined until its line is complete. */
  readonly status: number | undefined;
  readonly headers: ReceiverHeaders;
  /** The bytes are frames of HTTP/2. */
  readonly isHttp2: boolean;
  add(chunk: Uint8Array): void;
  /** Another request begins. */
  reset(): void;
}

type State = 'status' | 'interim' | 'headers' | 'done';

/** A longer line is cut; none that matters is as long. */
const maxLine = 2048;
const maxHeadBytes = 64 * 1024;
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
  let state: State = 'status';
  let status: number | undefined;
  let line = '';
  let readBytes = 0;
  let first: number[] = [];
  let found = new Map<keyof ReceiverHeaders, string | undefined>();

  function endLine(): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    line = '';
    if (state === 'status') {
      // RFC 9112 §2.2: empty lines before a message are ignored.
      if (text === '') return;
      const code = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/.exec(text)?.[1];
      if (code === undefined) state = 'done';
      else if (code.startsWith('1')) state = 'interim';
      else {
        status = Number(code);
        state = 'headers';
      }
    } else if (text === '') state = state === 'interim' ? 'status' : 'done';
    else if (state === 'headers') readHeader(text);
  }

  function readHeader(text: string): void {
    const colon = text.indexOf(':');
    const name = names[text.slice(0, colon).trim().toLowerCase()];
    if (colon < 1 || name === undefined) return;
    // Sent more than once, it says nothing.
    found.set(name, found.has(name) ? undefined : text.slice(colon + 1).trim());
  }

  return {
    get status() {
      return status;
    },
    get headers() {
      return {
        retryAfter: found.get('retryAfter'),
        deliveryControl: found.get('deliveryControl'),
        date: found.get('date'),
        location: found.get('location'),
      };
    },
    get isHttp2() {
      // RFC 9113 §3.4 and §6.5: a server begins with SETTINGS on stream 0; one that refuses may say GOAWAY only.
      const [, , , type, , ...stream] = first;
      return (
        first.length === frameHeaderBytes &&
        (type === settingsFrame || type === goAwayFrame) &&
        stream.every((byte) => byte === 0)
      );
    },
    add(chunk) {
      if (first.length < frameHeaderBytes) first.push(...chunk.subarray(0, frameHeaderBytes - first.length));
      readBytes += chunk.length;
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      let start = 0;
      while (state !== 'done') {
        const end = text.indexOf('\n', start);
        const part = end === -1 ? text.slice(start) : text.slice(start, end);
        if (line.length < maxLine) line += part.slice(0, maxLine - line.length);
        if (end === -1) break;
        endLine();
        start = end + 1;
      }
      if (state === 'headers' && readBytes > maxHeadBytes) state = 'done';
    },
    reset() {
      state = 'status';
      status = undefined;
      line = '';
      readBytes = 0;
      first = [];
      found = new Map();
    },
  };
}
