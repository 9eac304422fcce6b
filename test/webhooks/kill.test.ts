// kill -9 at random points while emitting and delivering: what was acknowledged is delivered, ids never change, no body differs, and an
// ordered webhook never sees a later event before an earlier one has ended. 20 rounds here; `npm run soak` does 200.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, temporaryHome } from './start-webhooks.ts';

const rounds = Number(process.env.SOAK_ROUNDS ?? 20);
const script = fileURLToPath(new URL('./emitter-process.ts', import.meta.url));

interface Round {
  readonly acknowledged: readonly string[];
}

/** Runs the emitter and kills it once it has acknowledged so many batches. The work that this meets is different each time. */
function runAndKill(home: string, url: string, round: number, batches: number): Promise<Round> {
  return new Promise((resolve, reject) => {
    const acknowledged: string[] = [];
    const child = fork(script, [home, url, String(round)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    let seen = 0;
    child.on('message', (message: { acknowledged?: string[] }) => {
      if (message.acknowledged === undefined) return;
      acknowledged.push(...message.acknowledged);
      if (++seen === batches) child.kill('SIGKILL');
    });
    child.once('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve({ acknowledged });
      else reject(new Error(`the emitter ended by itself: ${complaint}`));
    });
  });
}

it(`over ${rounds} kills nothing that was acknowledged is lost, and no body differs`, {
  timeout: 180_000 + rounds * 15_000,
}, async () => {
  const receiver = await startReceiver();
  const home = temporaryHome();
  const base = `http://127.0.0.1:${receiver.port}`;
  let answered = 0;
  receiver.answer((_request, response) => {
    // Some fail, some are slow, most are fine.
    answered++;
    const status = answered % 41 === 0 ? 500 : 200;
    setTimeout(() => response.writeHead(status).end(), answered % 17 === 0 ? 20 : 0);
  });
  const acknowledged: string[] = [];
  for (let round = 0; round < rounds; round++) {
    acknowledged.push(...(await runAndKill(home, base, round, 2 + ((round * 37) % 80))).acknowledged);
  }
  expect(acknowledged.length).toBeGreaterThan(rounds);

  const { webhooks } = startWebhooks({ home });
  for (const { id } of await webhooks.getAll()) await webhooks.enable(id);
  // What the last kill left in flight is due again.
  await expect.poll(async () => (await webhooks.stats()).pending, { timeout: 120_000, interval: 50 }).toBe(0);

  for (const path of ['/plain', '/ordered']) {
    const bodies = new Map<string, Set<string>>();
    for (const request of receiver.requests) {
      if (request.path !== path) continue;
      const id = String(request.headers['webhook-id']);
      bodies.set(id, (bodies.get(id) ?? new Set()).add(request.body.toString()));
    }
    const lost = acknowledged.filter((id) => !bodies.has(id));
    expect(lost, `${path}: ${lost.length} of ${acknowledged.length} were lost`).toEqual([]);
    const changed = [...bodies].filter(([, versions]) => versions.size > 1);
    expect(changed, `${path}: bodies that differ`).toEqual([]);
  }
  // Once an ordered webhook has heard an event, it hears no earlier one but the one that was not recorded yet.
  const sequences = receiver.requests
    .filter(({ path }) => path === '/ordered')
    .map(({ body }) => (JSON.parse(body.toString()) as { sequence: number }).sequence);
  let highest = 0;
  const late = sequences.filter((sequence) => {
    const isLate = sequence < highest;
    highest = Math.max(highest, sequence);
    return isLate;
  });
  expect(late).toEqual([]);
});
