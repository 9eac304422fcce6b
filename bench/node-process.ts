// A node that the benchmark measures, in its own process: the store, the log and the webhook engine as `codebuddy serve`
// opens them. Start it with `startNodeProcess`, and tell it what to do.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createEventLog } from '../src/events/log.ts';
import type { Ownership } from '../src/store/ownership.ts';
import { openSharedStore } from '../src/store/postgres/open-shared-store.ts';
import { createSqliteOwnership } from '../src/store/sqlite/sqlite-ownership.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../src/store/store.ts';
import { openWebhookEngine } from '../src/webhooks/engine.ts';
import { secret } from './webhook-setup.ts';

export interface NodeProcessOptions {
  /** A PostgreSQL database, or a new folder for SQLite. */
  readonly place: { readonly url: string } | { readonly folder: string };
  readonly payloadText: string;
}

export interface NodeProcess {
  readonly pid: number | undefined;
  readonly child: ChildProcess;
  create(urls: readonly string[]): Promise<void>;
  /** Emit this many events at once. */
  emit(events: number): Promise<void>;
  /** Emit events one after the other, with a pause. @returns the time of each, in ms */
  emitSingles(events: number, pauseMs: number): Promise<readonly number[]>;
  /** Follow the log from now on. */
  follow(): Promise<void>;
  /** @returns how long each followed event took, from before its `emit`, in ms */
  followed(): Promise<readonly number[]>;
  /** The number of webhooks that this node owns. */
  owned(): Promise<number>;
  stop(): Promise<void>;
}

type Ask =
  | { readonly ask: 'create'; readonly urls: readonly string[] }
  | { readonly ask: 'emit'; readonly events: number }
  | { readonly ask: 'emitSingles'; readonly events: number; readonly pauseMs: number }
  | { readonly ask: 'follow' | 'followed' | 'owned' | 'stop' };

/** Resolves when it has joined. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['node', JSON.stringify(options)], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ended = once(child, 'exit');
  await heard(child);
  // One question at a time, so the next answer belongs to it.
  let last: Promise<unknown> = Promise.resolve();
  const ask = <T>(question: Ask): Promise<T> => {
    const answer = last.then(() => {
      const answered = heard(child);
      child.send(question);
      return answered as Promise<T>;
    });
    last = answer.catch(() => {});
    return answer;
  };
  return {
    pid: child.pid,
    child,
    create: (urls) => ask({ ask: 'create', urls }),
    emit: (events) => ask({ ask: 'emit', events }),
    emitSingles: (events, pauseMs) => ask({ ask: 'emitSingles', events, pauseMs }),
    follow: () => ask({ ask: 'follow' }),
    followed: () => ask({ ask: 'followed' }),
    owned: () => ask({ ask: 'owned' }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      await ask({ ask: 'stop' });
      child.disconnect();
      await ended;
    },
  };
}

function heard(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(message);
    };
    const onExit = (code: number | null): void => {
      child.off('message', onMessage);
      reject(new Error(`bench: the node ended with ${code}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}

interface Opened {
  readonly store: Store;
  readonly ownership: Ownership;
}

async function open(place: NodeProcessOptions['place']): Promise<Opened> {
  if ('url' in place) return openSharedStore({ url: place.url });
  const store = await openSqliteStore({ path: `${place.folder}/codebuddy.db` });
  return { store, ownership: createSqliteOwnership({ url: () => undefined }) };
}

/** Milliseconds that all processes of the machine share. */
const now = (): number => performance.timeOrigin + performance.now();

async function work({ place, payloadText }: NodeProcessOptions): Promise<void> {
  const { store, ownership } = await open(place);
  const log = createEventLog({ store, deltas: ownership.deltas });
  const engine = await openWebhookEngine({
    ...{ store, log, ownership },
    ...('folder' in place ? { registryPath: `${place.folder}/webhooks.json` } : {}),
    allowedTargets: ['127.0.0.1'],
    warn: (message, error) => console.error(`bench: ${message}`, error ?? ''),
  });
  const ids: string[] = [];
  const times: number[] = [];
  const emit = async (): Promise<void> => {
    const params = { text: payloadText, at: now() };
    await engine.emit({ type: 'tool.start', data: { callId: 'call_1', tool: 'bash', params } });
  };

  async function follow(): Promise<void> {
    for await (const item of log.subscribe()) {
      const receivedAt = now();
      if (item.kind === 'event' && item.event.type === 'tool.start')
        times.push(receivedAt - atOf(item.event.data));
    }
  }

  async function answer(question: Ask): Promise<unknown> {
    switch (question.ask) {
      case 'create':
        for (const url of question.urls)
          ids.push((await engine.create({ url, secret, events: ['tool.start'] })).webhook.id);
        return 0;
      case 'emit':
        await Promise.all(Array.from({ length: question.events }, emit));
        return 0;
      case 'emitSingles': {
        const taken: number[] = [];
        for (let n = 0; n < question.events; n++) {
          const startedAt = performance.now();
          await emit();
          taken.push(performance.now() - startedAt);
          await new Promise((resolve) => setTimeout(resolve, question.pauseMs));
        }
        return taken;
      }
      case 'follow':
        void follow();
        return 0;
      case 'followed':
        return times;
      case 'owned':
        return (await engine.list()).filter(({ id }) => ownership.lanes.isOwn(id)).length;
      case 'stop':
        await engine.close(0);
        await ownership.close();
        await log.close();
        await store.close();
        return 0;
    }
  }
  process.on('message', (question: Ask) => {
    void answer(question).then((result) => process.send?.(result));
  });
  process.send?.('ready');
}

function atOf(data: unknown): number {
  return (data as { readonly params: { readonly at: number } }).params.at;
}

if (process.send !== undefined && process.argv[2] === 'node')
  await work(JSON.parse(process.argv[3] ?? '{}') as NodeProcessOptions);
