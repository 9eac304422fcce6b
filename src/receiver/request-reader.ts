// Read HTTP requests from the bytes of a connection: heads, and bodies by length or in chunks. It stores no body and at
// most 256 KiB of a head. Invalid input is reported; it never throws.

export interface RequestHead {
  readonly method: string;
  /** With the query; `/` if the request has none. */
  readonly path: string;
  /** Names in lower case. The last value of a repeated name. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestEvents {
  readonly onHead: (head: RequestHead) => void;
  readonly onBody: (bytes: Buffer) => void;
  /** The request is complete. */
  readonly onEnd: () => void;
  /** The input is not valid HTTP. Nothing is read after it. */
  readonly onBad: () => void;
}

type Expected =
  | { readonly kind: 'head' | 'chunk size' | 'chunk end' | 'trailers' | 'nothing' }
  | { readonly kind: 'body' | 'chunk'; left: number };

const maxHeadBytes = 256 * 1024;
const maxLineBytes = 16 * 1024;

/** Returns a function to call with each piece of input. */
export function readRequests({ onHead, onBody, onEnd, onBad }: RequestEvents): (bytes: Buffer) => void {
  let buffered: Buffer = Buffer.alloc(0);
  let expected: Expected = { kind: 'head' };

  /** Take the text up to the mark, without it; undefined if the mark has not come yet. */
  function takeTo(mark: string, most: number): string | undefined {
    const end = buffered.indexOf(mark);
    if (end > most || (end === -1 && buffered.length >= most + mark.length)) return bad();
    if (end === -1) return undefined;
    const text = buffered.toString('latin1', 0, end);
    buffered = buffered.subarray(end + mark.length);
    return text;
  }

  function bad(): undefined {
    expected = { kind: 'nothing' };
    buffered = Buffer.alloc(0);
    onBad();
  }

  function done(): void {
    expected = { kind: 'head' };
    onEnd();
  }

  /** Returns false if it needs more bytes. */
  function step(): boolean {
    switch (expected.kind) {
      case 'nothing':
        buffered = Buffer.alloc(0);
        return false;
      case 'head': {
        const text = takeTo('\r\n\r\n', maxHeadBytes);
        if (text === undefined) return false;
        const head = parseHead(text);
        const next = bodyOf(head);
        if (next === undefined) {
          bad();
          return false;
        }
        expected = next;
        onHead(head);
        if (next.kind === 'head') onEnd();
        return true;
      }
      case 'body':
      case 'chunk': {
        const bytes = buffered.subarray(0, expected.left);
        if (bytes.length === 0) return false;
        buffered = buffered.subarray(bytes.length);
        expected.left -= bytes.length;
        onBody(bytes);
        if (expected.left > 0) return false;
        if (expected.kind === 'body') done();
        else expected = { kind: 'chunk end' };
        return true;
      }
      case 'chunk size': {
        const line = takeTo('\r\n', maxLineBytes);
        if (line === undefined) return false;
        const digits = /^[0-9a-f]{1,12}(?=$|[;\s])/i.exec(line)?.[0];
        if (digits === undefined) {
          bad();
          return false;
        }
        const left = Number.parseInt(digits, 16);
        expected = left === 0 ? { kind: 'trailers' } : { kind: 'chunk', left };
        return true;
      }
      case 'chunk end':
        if (takeTo('\r\n', 0) === undefined) return false;
        expected = { kind: 'chunk size' };
        return true;
      case 'trailers': {
        const line = takeTo('\r\n', maxLineBytes);
        if (line === '') done();
        return line !== undefined;
      }
    }
  }

  return (bytes) => {
    buffered = buffered.length === 0 ? bytes : Buffer.concat([buffered, bytes]);
    while (step());
  };
}

function parseHead(text: string): RequestHead {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { method, path: target.startsWith('/') ? target : '/', headers: Object.fromEntries(headers) };
}

/** The kind of body that follows the head; undefined if the head is invalid. */
function bodyOf({ headers }: RequestHead): Expected | undefined {
  if (headers['transfer-encoding'] !== undefined) {
    return /(?:^|,)\s*chunked$/i.test(headers['transfer-encoding']) ? { kind: 'chunk size' } : undefined;
  }
  const length = headers['content-length'] ?? '0';
  if (!/^\d{1,15}$/.test(length)) return undefined;
  return Number(length) === 0 ? { kind: 'head' } : { kind: 'body', left: Number(length) };
}
