// SIGKILL while emitting and delivering: every acknowledged event is delivered, ids and bodies never change, and an
// ordered webhook gets no event before an earlier one has ended. `npm run test:soak` sets SOAK_ROUNDS.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { ascending, sequencesOf } from './sequences.ts';
import { startWebhooks, temporaryHome } from './start-webhooks.ts';

const rounds = Number(process.env.SOAK_ROUNDS ?? 4);
const script = fileURLToPath(new URL('./emitter-process.ts', import.meta.url));

interface Round {
  readonly acknowledged: readonly string[];
}

/** Run the emitter and kill it once it has acknowledged this many batches. */
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
      else reject(new Error(`the emitter was not killed: ${complaint}`));
    });
  });
}

it(`${rounds} kills lose no acknowledged event and change no body`, {
  timeout: TEST_LIMIT_MS + rounds * WAIT_LIMIT_MS,
}, async () => {
  const receiver = await startReceiver();
  const home = temporaryHome();
  const base = `http://127.0.0.1:${receiver.port}`;
  let answered = 0;
  receiver.answer((_request, response) => {
    // Some fail, some are slow, most succeed.
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
  // Deliveries that the last kill interrupted are due again.
  await waitFor(
    'the end of all deliveries',
    async () => (await webhooks.stats()).pending === 0,
    () => webhooks.stats(),
  );

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
  // An event may come twice if its answer was not recorded, but never after a later one.
  const sequences = sequencesOf(receiver.requests.filter(({ path }) => path === '/ordered'));
  expect(sequences).toEqual(ascending(sequences));
});
