// Measures what this server adds to an agent that speaks the Agent Client Protocol: to its first text, and to each
// update. The same agent (acp-agent.ts) is driven directly with the SDK. Both read what the agent sent, and when.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { client, methods, ndJsonStream } from '@agentclientprotocol/sdk';
import { createAgent } from '../src/agent/agent.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type BenchResult, rowOf } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { monotonicMs } from './monotonic-clock.ts';
import { quantile, spreadOf } from './rounds.ts';

const warmUpRounds = 5;
const firstRounds = 41;
const updateRounds = 7;
const updates = 300;
const program = fileURLToPath(new URL('./acp-agent.ts', import.meta.url));

/** Sends prompts to one session of the agent. */
interface Driver {
  /** Resolves to the ms until the first text, and the ms that each update was under way. */
  prompt(updates: number): Promise<{ readonly first: number; readonly underWay: readonly number[] }>;
  close(): Promise<void>;
}

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const ours = await openOurs(folder);
    const direct = await openDirect(folder);
    try {
      const firsts = await measure(
        ours,
        direct,
        firstRounds,
        async (driver) => (await driver.prompt(1)).first,
      );
      const each = await measure(ours, direct, updateRounds, async (driver) =>
        quantile((await driver.prompt(updates)).underWay, 0.5),
      );
      return {
        name: 'acp',
        rows: [
          rowOf({
            what: "what the server adds to an agent's first text, p50",
            measured: firsts.added,
            unit: 'ms',
            target: { atMost: 5 },
            seen: firsts.seen,
          }),
          rowOf({
            what: "what the server adds to each of an agent's updates, p50",
            measured: each.added,
            unit: 'ms',
            target: { atMost: 1 },
            seen: each.seen,
          }),
        ],
      };
    } finally {
      await ours.close();
      await direct.close();
    }
  });
}

/** Alternates, since the second one finds a warmer machine. */
async function measure(
  ours: Driver,
  direct: Driver,
  rounds: number,
  figure: (driver: Driver) => Promise<number>,
): Promise<{ readonly added: ReturnType<typeof spreadOf>; readonly seen: string }> {
  const pairs: { readonly ours: number; readonly direct: number }[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const pair = { ours: 0, direct: 0 };
    for (const which of round % 2 === 0 ? (['ours', 'direct'] as const) : (['direct', 'ours'] as const))
      pair[which] = await figure(which === 'ours' ? ours : direct);
    if (round >= 0) pairs.push(pair);
  }
  const of = (which: 'ours' | 'direct'): string =>
    `${spreadOf(pairs.map((pair) => pair[which])).median.toFixed(2)} ms`;
  return {
    added: spreadOf(pairs.map((pair) => pair.ours - pair.direct)),
    seen: `${of('ours')}, direct ${of('direct')}`,
  };
}

/** Notes when the texts of one prompt arrive. */
function watch() {
  const startedAt = monotonicMs();
  let first: number | undefined;
  const underWay: number[] = [];
  return {
    text(text: string): void {
      const now = monotonicMs();
      first ??= now - startedAt;
      for (const sentAt of text.trim().split(' ')) underWay.push(now - Number(sentAt));
    },
    seen: () => ({ first: first ?? Number.NaN, underWay }),
  };
}

async function openOurs(folder: string): Promise<Driver> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  const store = await openSqliteStore({ path: join(folder, 'acp.db') });
  const log = createEventLog({ store });
  const agent = await createAgent({
    store,
    log,
    workspace,
    models: ['offline'],
    agents: { bench: { command: process.execPath, args: [program], modes: { full: null } } },
    agent: 'bench',
    permissionMode: 'full',
  });
  let sessionId: string | undefined;
  return {
    async prompt(count) {
      const stop = new AbortController();
      const items = log.subscribe({ deltas: true, signal: stop.signal });
      const watching = watch();
      const started = agent.runs.start({
        prompt: String(count),
        options: {},
        requestId: 'bench',
        ...(sessionId === undefined ? {} : { sessionId }),
      });
      for await (const item of items) {
        if (item.kind === 'delta' && item.delta.type === 'message.delta') watching.text(item.delta.data.text);
        if (item.kind === 'event' && item.event.type.startsWith('run.') && item.event.type !== 'run.queued')
          break;
      }
      stop.abort();
      ({ sessionId } = await (await started).result);
      return watching.seen();
    },
    async close() {
      await agent.close(0);
      await log.close();
      await store.close();
    },
  };
}

async function openDirect(folder: string): Promise<Driver> {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  let watching = watch();
  const connection = client({ name: 'bench' })
    .onNotification(methods.client.session.update, ({ params: { update } }) => {
      if (update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text')
        watching.text(update.content.text);
    })
    .connect(
      ndJsonStream(
        Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
        Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      ),
    );
  const { agent } = connection;
  await agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities: {} });
  const { sessionId } = await agent.request(methods.agent.session.new, { cwd: folder, mcpServers: [] });
  return {
    async prompt(count) {
      watching = watch();
      const prompt = [{ type: 'text' as const, text: String(count) }];
      await agent.request(methods.agent.session.prompt, { sessionId, prompt });
      return watching.seen();
    },
    async close() {
      connection.close();
      child.kill();
    },
  };
}
