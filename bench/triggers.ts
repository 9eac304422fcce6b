// Measures what a trigger costs to accept: a signed call of GitHub with a body of 10 KB, verified, evaluated, and
// committed with its run, beside a bare commit of one event. Calls come one after the other, so that no two share a
// commit. The runs stay queued behind one that works, so that only the acceptance is measured.

import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAgent } from '../src/agent/agent.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { openTriggers, type Triggers } from '../src/triggers/triggers.ts';
import { meanCommitMs, openBareStore } from './bare-commit.ts';
import { type BenchResult, numberText, printRows, rowOf } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { alternate } from './rounds.ts';

const perRound = 200;
const warmUpRounds = 1;
const rounds = 7;
const manyRuns = 100_000;
const secret = 'a secret of the benchmark';

export function run(): Promise<BenchResult> {
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  // As in a config folder: the folder of triggers.json is watched, and that of the database is not.
  const api = join(folder, 'api');
  mkdirSync(api);
  const store = await openSqliteStore({ path: join(api, 'codebuddy.db') });
  const log = createEventLog({ store });
  const agent = await createAgent({
    store,
    log,
    workspace,
    models: ['offline'],
    limits: {
      maxActive: 1,
      maxQueued: manyRuns,
      maxQueuedPerKey: manyRuns,
      maxQueuedPerSession: manyRuns,
    },
  });
  const triggers = await openTriggers({
    store,
    log,
    runs: agent.runs,
    path: join(folder, 'triggers.json'),
    modes: {},
    learn: () => undefined,
    warn: () => undefined,
  });
  const bareStore = await openBareStore(join(api, 'bare.db'));
  try {
    const working = await agent.runs.start({
      prompt: 'run sleep 3600',
      options: { permissionMode: 'full' },
      requestId: 'bench',
    });
    working.result.catch(() => undefined);
    const { trigger } = await triggers.create({
      source: 'github',
      prompt: 'Review pull request {{pull_request.number}}.',
      secret,
      limits: { perMinute: 10_000, perHour: 100_000 },
    });
    let number = 0;
    const ours = async (): Promise<number> => {
      const startedAt = performance.now();
      for (let n = 0; n < perRound; n++) await call(triggers, trigger.id, ++number);
      return (performance.now() - startedAt) / perRound;
    };
    const bare = async (): Promise<number> =>
      meanCommitMs(bareStore, perRound, { callId: 'call_1', tool: 'read_file', params: { path: 'a.ts' } });
    await alternate(warmUpRounds, ours, bare);
    const { ours: our, bare: plain, ratio } = await alternate(rounds, ours, bare);
    return {
      name: 'triggers',
      rows: [
        rowOf({
          what: 'accepting a call of a trigger, durably / a bare commit of one event',
          measured: ratio,
          target: { atMost: 3 },
          seen: `${numberText(our.median)} ms, bare ${numberText(plain.median)} ms`,
        }),
      ],
    };
  } finally {
    bareStore.close();
    await triggers.close();
    await agent.close(0);
    await log.close();
    await store.close();
  }
}

async function call(triggers: Triggers, id: string, number: number): Promise<void> {
  const body = Buffer.from(
    JSON.stringify({ action: 'opened', pull_request: { number, body: 'x'.repeat(10_000) } }),
  );
  const { status } = await triggers.receive(id, {
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'pull_request',
      'x-github-delivery': `delivery-${number}`,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    hop: 0,
    readBody: async () => body,
  });
  if (status !== 202) throw new Error(`bench: the call was answered with ${status}`);
}

if (import.meta.main) printRows((await run()).rows);
