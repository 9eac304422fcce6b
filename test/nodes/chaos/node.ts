// One node: the program as a real process, with its own config folder, its own way to the database (a proxy whose
// network can be cut) and its own proxy for deliveries. It keeps its port when it is started again.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodeBuddyClient, type Node } from '../../../src/client/index.ts';
import { NodeFetch } from '../../../src/client/node/node-fetch.ts';
import { type Running, serve, temporaryFolder } from '../../cli/run-cli.ts';
import { freePort } from '../../free-port.ts';
import { startTcpProxy, type TcpProxy } from '../../postgres/tcp-proxy.ts';
import { waitFor } from '../../wait-for.ts';
import { type Attempts, recordAttempts } from './attempts.ts';
import { receiverAddress } from './receiver.ts';

export interface ChaosNode {
  readonly name: string;
  readonly home: string;
  readonly client: CodeBuddyClient;
  /** Its way to the database. */
  readonly database: TcpProxy;
  /** Of the process that runs, `nod_…`. */
  readonly id: string;
  /** The requests of `client` that have an Idempotency-Key. */
  readonly attempts: Attempts;
  /** False from just before the process is ended or suspended until it answers again. */
  readonly isUp: boolean;
  /** How often its process was ended or suspended. */
  readonly outages: number;
  /** When its process was ended, Unix ms. */
  readonly endedAt: readonly number[];
  /** Start the process again. */
  start(): Promise<void>;
  /** `kill -9` */
  kill(): Promise<void>;
  /** SIGTERM. @throws Error if it does not end with 0 */
  stop(): Promise<void>;
  /** SIGSTOP */
  pause(): void;
  /** SIGCONT. After a suspension longer than 30 s the process closes connections that waited for it. */
  resume(): Promise<void>;
  /** What it has logged, for messages. */
  log(): string;
  /** How it sees the nodes of the database. */
  nodes(): Promise<readonly Node[]>;
}

export interface NodeOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly databasePort: number;
  readonly webhookProxy: string;
}

/** Starts the process, and resolves when it answers. */
export async function startNode({
  name,
  databaseUrl,
  databasePort,
  webhookProxy,
}: NodeOptions): Promise<ChaosNode> {
  const home = temporaryFolder();
  const config = { allowedTargets: [receiverAddress], webhookProxy, workspace: temporaryFolder() };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const database = await startTcpProxy(databasePort);
  const DATABASE_URL = database.through(databaseUrl);
  let running: Running | undefined;
  const port = String(await freePort());
  let id = '';
  let isUp = false;
  let outages = 0;
  const endedAt: number[] = [];
  let earlierLog = '';

  const nodes = async (): Promise<readonly Node[]> => (await client.nodes.list()).nodes;

  async function start(): Promise<void> {
    running = await serve(home, ['--port', port], { DATABASE_URL });
  }
  async function learnId(): Promise<void> {
    id = await waitFor('the node to know its id', async () => (await nodes()).find(({ self }) => self)?.id);
    isUp = true;
  }
  function goDown(): void {
    isUp = false;
    outages++;
  }
  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    goDown();
    endedAt.push(Date.now());
    running?.child.kill(signal);
    const finished = await running?.finished;
    earlierLog += running?.output.stderr ?? '';
    running = undefined;
    return finished?.code ?? null;
  }

  await start();
  const apiKey = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
  const attempts = recordAttempts(new NodeFetch(undefined).fetch);
  const client = new CodeBuddyClient({ url: `http://127.0.0.1:${port}`, apiKey, fetch: attempts.fetch });
  await learnId();
  return {
    name,
    home,
    client,
    database,
    get id() {
      return id;
    },
    get isUp() {
      return isUp;
    },
    attempts,
    get outages() {
      return outages;
    },
    endedAt,
    async start() {
      await start();
      await learnId();
    },
    async kill() {
      await end('SIGKILL');
    },
    async stop() {
      const code = await end('SIGTERM');
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${earlierLog.slice(-4000)}`);
    },
    pause() {
      goDown();
      running?.child.kill('SIGSTOP');
    },
    async resume() {
      running?.child.kill('SIGCONT');
      await learnId();
    },
    log: () => earlierLog + (running?.output.stderr ?? ''),
    nodes,
  };
}
