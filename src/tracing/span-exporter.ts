// Sends ended spans in batches. A collector that is down costs a bounded queue and one line in the log: spans that find
// the queue full are dropped and counted.

import type { RecordedSpan } from './recorded-span.ts';

export interface ExporterOptions {
  /** Sends one batch. Rejects if it was not taken; a `SpanRefusal` says that the same batch would fail again. */
  readonly send: (spans: readonly RecordedSpan[]) => Promise<void>;
  readonly warn: (message: string) => void;
  /** Longest time that an ended span waits, in ms. @default 5000 */
  readonly delayMs?: number;
  /** @default 2048 */
  readonly maxQueued?: number;
  /** @default 512 */
  readonly maxBatch?: number;
}

/** The collector refused a batch for good. */
export class SpanRefusal extends Error {
  override readonly name = 'SpanRefusal';
}

export interface SpanExporter {
  add(span: RecordedSpan): void;
  /** Sends what is queued, once, within `limitMs`. */
  close(limitMs: number): Promise<void>;
}

const longestBackoffMs = 60_000;

export function createSpanExporter({
  send,
  warn,
  delayMs = 5000,
  maxQueued = 2048,
  maxBatch = 512,
}: ExporterOptions): SpanExporter {
  let queue: RecordedSpan[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<boolean> | undefined;
  let failures = 0;
  let lost = 0;
  let isClosed = false;

  function plan(): void {
    if (isClosed || queue.length === 0 || sending !== undefined) return;
    const isFull = failures === 0 && queue.length >= maxBatch;
    if (timer !== undefined && !isFull) return;
    clearTimeout(timer);
    const backoffMs = Math.min(delayMs * 2 ** failures, longestBackoffMs);
    timer = setTimeout(() => void flush(), isFull ? 0 : Math.max(delayMs, failures === 0 ? 0 : backoffMs));
    // Spans must not keep a process alive.
    timer.unref();
  }

  /** Resolves to whether the batch has left the queue. Never rejects. */
  function flush(): Promise<boolean> {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendBatch().finally(() => {
      sending = undefined;
      plan();
    });
    return sending;
  }

  async function sendBatch(): Promise<boolean> {
    const batch = queue.slice(0, maxBatch);
    try {
      await send(batch);
      queue = queue.slice(batch.length);
      if (failures > 0) warn(`traces are exported again${lost === 0 ? '' : `; ${lost} spans were lost`}`);
      failures = 0;
      lost = 0;
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (failures++ === 0)
        warn(`cannot export traces: ${message}. The server goes on without; it tries again.`);
      if (!(error instanceof SpanRefusal)) return false;
      lost += batch.length;
      queue = queue.slice(batch.length);
      return true;
    }
  }

  return {
    add(span) {
      if (isClosed || queue.length >= maxQueued) lost++;
      else queue.push(span);
      plan();
    },
    async close(limitMs) {
      isClosed = true;
      let isOver = false;
      const limit = new Promise<void>((resolve) => {
        setTimeout(() => {
          isOver = true;
          resolve();
        }, limitMs).unref();
      });
      const sendAll = async (): Promise<void> => {
        await sending;
        while (queue.length > 0 && !isOver && (await flush()));
      };
      await Promise.race([sendAll(), limit]);
      clearTimeout(timer);
      queue = [];
    },
  };
}
