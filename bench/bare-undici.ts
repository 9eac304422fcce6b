// The baseline of the webhook benchmark: a bare undici Pool that stores and signs nothing.

import { Pool } from 'undici';

export interface BareOptions {
  readonly receiverUrl: string;
  readonly payload: string;
  /** Connections, each with one request at a time. */
  readonly concurrency: number;
  readonly durationMs: number;
}

export interface BareResult {
  readonly name: string;
  readonly delivered: number;
  readonly seconds: number;
  readonly perSecond: number;
}

/** Posts `payload` for `durationMs` and counts the 2xx answers. @throws Error for any other answer */
export async function run({
  receiverUrl,
  payload,
  concurrency,
  durationMs,
}: BareOptions): Promise<BareResult> {
  const { origin, pathname } = new URL(receiverUrl);
  const pool = new Pool(origin, { connections: concurrency, pipelining: 1 });
  const body = Buffer.from(payload);
  const headers = { 'content-type': 'application/json' };
  let delivered = 0;
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;

  async function post(): Promise<void> {
    while (elapsedMs() < durationMs) {
      const answer = await pool.request({ path: pathname, method: 'POST', headers, body });
      await answer.body.dump();
      if (answer.statusCode < 200 || answer.statusCode > 299)
        throw new Error(`bench: the receiver answered ${answer.statusCode}`);
      delivered++;
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, post));
    const seconds = elapsedMs() / 1000;
    return {
      name: `bare undici Pool, ${concurrency} connections, nothing kept`,
      delivered,
      seconds,
      perSecond: delivered / seconds,
    };
  } finally {
    await pool.destroy();
  }
}

if (import.meta.main) {
  const { startReceiverProcess } = await import('./receiver.ts');
  const receiver = await startReceiverProcess();
  const options = { receiverUrl: receiver.url, payload: `{"text":"${'x'.repeat(1000)}"}`, concurrency: 64 };
  try {
    await run({ ...options, durationMs: 1000 });
    await receiver.reset();
    console.log(await run({ ...options, durationMs: 5000 }), `received: ${await receiver.count()}`);
  } finally {
    await receiver.stop();
  }
}
