// Reads the first bytes of a response to determine its kind: its content type is not reliable.

import type { Fetch } from '../outbound-http.ts';
import { WebPage } from './provider-error.ts';
import { looksLikePage } from './read-error.ts';

/** `<!doctype html` */
const startLength = 14;

/** Reads enough bytes to recognize the content; a slow server may send single bytes. Returns fewer if the body ends. */
export async function firstBytes(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> {
  let bytes = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes = Buffer.concat([bytes, value]);
    if (new TextDecoder().decode(bytes).trimStart().length >= startLength) return bytes;
  }
}

/** A stream of the bytes that were read, then the rest of the reader. */
export function restOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  first: Uint8Array,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(first),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** Wraps `fetch`: a web page instead of a stream is an error at once. @throws WebPage */
export function refusePages(fetch: Fetch): Fetch {
  return async (target, init) => {
    const response = await fetch(target, init);
    const isSaidToBe = /^text\/html\b/i.test(response.headers.get('content-type') ?? '');
    if (!response.ok || response.body === null || !isSaidToBe) return response;
    const reader = response.body.getReader();
    const first = await firstBytes(reader);
    if (looksLikePage(new TextDecoder().decode(first))) {
      reader.cancel().catch(() => undefined);
      throw new WebPage(response.status);
    }
    return new Response(restOf(reader, first), { status: response.status, headers: response.headers });
  };
}
