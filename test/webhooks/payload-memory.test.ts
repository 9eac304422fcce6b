// Payloads in use are limited by their bytes, so that many requests with large payloads do not fill the memory.

import { expect, test } from 'vitest';
import { createPayloadCache } from '../../src/webhooks/payload-cache.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';

const mib = 1024 * 1024;
const runs = 20;
const eventsOfRun = 8;
const text = 'x'.repeat(250_000);

test('requests with 16 MiB of payloads are under way, and the others wait for them', async () => {
  const receiver = await startReceiver();
  const engine = await (await startEngineBench()).open({ maxInFlight: 200 });
  const held = receiver.hold();
  for (let run = 0; run < runs; run++) {
    const { id } = await engine.createForRun(`run_${run}`, { url: receiver.url });
    await engine.update(id, { timeout: 60_000 });
  }
  for (let event = 0; event < eventsOfRun; event++) {
    for (let run = 0; run < runs; run++) {
      const data = { callId: `call_${event}`, tool: 'bash', params: { text } };
      await engine.emit({ type: 'tool.start', runId: `run_${run}`, data });
    }
  }
  // The requests of all runs could be open at once, but for their payloads.
  const most = Math.floor((16 * mib) / text.length);
  await waitFor('open requests', () => held.length >= most - 4);
  const all = runs * eventsOfRun;
  for (let answered = 0; answered < all; ) {
    await waitFor('an open request', () => held.length > 0);
    for (const response of held.splice(0)) {
      response.end();
      answered++;
    }
  }
  expect(receiver.mostAtOnce()).toBeLessThanOrEqual(most);
  await waitFor('the last record', () => engine.counters().delivered === all);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(all);
});

test('a payload that many requests use is read and counted once', async () => {
  let reads = 0;
  const cache = createPayloadCache({
    read: async () => {
      reads++;
      return new Uint8Array(200 * 1024);
    },
    maxBytesInUse: 512 * 1024,
    maxBytes: 0,
  });
  const bodies = await Promise.all(Array.from({ length: 100 }, () => cache.read(1)));
  expect(new Set(bodies).size).toBe(1);
  expect(reads).toBe(1);
  expect(cache.hasRoom()).toBe(true);
  await cache.read(2);
  expect(cache.hasRoom()).toBe(false);
  for (let use = 0; use < 100; use++) cache.release(1);
  expect(cache.hasRoom()).toBe(true);
  expect(cache.use(1)).toBeUndefined();
  expect(cache.use(2)).toHaveLength(200 * 1024);
});

test('a payload that is missing or cannot be read takes no room', async () => {
  let reads = 0;
  const cache = createPayloadCache({
    async read() {
      if (reads++ === 0) throw new Error('the disk fails');
      return undefined;
    },
    maxBytesInUse: 256 * 1024,
  });
  const failed = cache.read(1);
  expect(cache.hasRoom()).toBe(false);
  await expect(failed).rejects.toThrow('the disk fails');
  expect(await cache.read(1)).toBeUndefined();
  expect(cache.hasRoom()).toBe(true);
});
