// Writes an answer's body in the way that a test selects: as fast as the client reads, at a pace, in chunks of a given
// size, cut off, or with a silence. Stops when `signal` is aborted, because the client has left.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ModelAnswer } from './model-server-types.ts';
import type { Frame } from './model-server-wire.ts';

export type Pace = Pick<ModelAnswer, 'gapMs' | 'splitBytes' | 'cutAfterBytes' | 'silentAfter'>;

/** Bytes that are collected before a write: one system call for some hundred deltas. */
const BATCH_LENGTH = 64 * 1024;

export async function writeBody(
  response: ServerResponse,
  frames: Iterable<Frame>,
  pace: Pace,
  signal: AbortSignal,
): Promise<void> {
  const { gapMs = 0, silentAfter } = pace;
  const sink = openSink(response, pace, signal);
  let pending = '';
  let deltas = 0;
  const flush = async (): Promise<void> => {
    const text = pending;
    pending = '';
    await sink.write(text);
  };
  response.flushHeaders();
  for (const { text, isDelta } of frames) {
    if (deltas === silentAfter) {
      await flush();
      return;
    }
    if (isDelta && deltas > 0 && gapMs > 0) {
      await flush();
      await sleep(gapMs, undefined, { signal });
    }
    pending += text;
    if (isDelta) deltas++;
    if (pending.length >= BATCH_LENGTH || (isDelta && gapMs > 0)) await flush();
    if (sink.isCut()) return;
  }
  await flush();
  if (!sink.isCut()) response.end();
}

interface Sink {
  write(text: string): Promise<void>;
  isCut(): boolean;
}

function openSink(
  response: ServerResponse,
  { cutAfterBytes, splitBytes = Number.POSITIVE_INFINITY }: Pace,
  signal: AbortSignal,
): Sink {
  let leftBytes = cutAfterBytes ?? Number.POSITIVE_INFINITY;
  let isCut = false;
  return {
    isCut: () => isCut,
    async write(text) {
      if (isCut) return;
      const all = Buffer.from(text);
      const bytes = all.subarray(0, leftBytes);
      leftBytes -= bytes.length;
      for (let at = 0; at < bytes.length; at += splitBytes) {
        signal.throwIfAborted();
        // Its own chunk in chunked transfer coding, and its own turn for a client in this process: a client that is
        // still busy with the header may otherwise get the first two joined.
        const isRoom = response.write(bytes.subarray(at, at + splitBytes));
        if (!isRoom) await once(response, 'drain', { signal });
        else if (splitBytes < bytes.length) await nextTurn(undefined, { signal });
      }
      if (leftBytes === 0) {
        isCut = true;
        // The header, or the last chunk, leaves Node's buffers on the next turn only.
        await nextTurn(undefined, { signal });
        response.socket?.destroySoon();
      }
    },
  };
}
