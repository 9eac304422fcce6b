// Clients that prompt all nodes without pause, and cancel some runs from another node. Acknowledged work is kept, and
// everything that a client may not see is a fault.

import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, ServerUnreachableError } from '../../../src/client/index.ts';
import type { ChaosNode } from './node.ts';

export interface Load {
  /** The runs of acknowledged prompts, with the name of the node. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Runs whose cancellation was acknowledged. */
  readonly cancelled: ReadonlySet<string>;
  /** Prompts that the node has acknowledged. */
  countOf(node: ChaosNode): number;
  /** Requests to the node that were answered with 503. */
  refusedBy(node: ChaosNode): number;
  /** Answers that a client may not get. */
  readonly faults: readonly string[];
  end(): Promise<void>;
}

const pauseMs = 60;
/** One prompt in this many runs a command, so that some runs are under way when a node ends. */
const commandEvery = 9;

export function startLoad(nodes: readonly ChaosNode[]): Load {
  const acknowledged = new Map<string, string>();
  const cancelled = new Set<string>();
  const counts = new Map<string, number>();
  const refusals = new Map<string, number>();
  const faults: string[] = [];
  let isEnding = false;

  const raise = (map: Map<string, number>, { name }: ChaosNode): void =>
    void map.set(name, (map.get(name) ?? 0) + 1);

  /** Whether the call was answered. `expected`: codes of errors that are an answer, too. */
  async function ask(
    node: ChaosNode,
    what: string,
    call: () => Promise<void>,
    expected: readonly string[] = [],
  ): Promise<void> {
    const { isUp: wasUp, resumes } = node;
    try {
      await call();
    } catch (error) {
      // 429: runs that wait for the database fill the queue.
      if (error instanceof ApiError && (error.status === 503 || error.status === 429)) {
        if (error.status === 503) raise(refusals, node);
        if (error.retryAfterSeconds === undefined)
          faults.push(`${node.name}: ${what}: ${error.code} without Retry-After: ${error.message}`);
      } else if (error instanceof ServerUnreachableError) {
        // A request that waited for a suspended process may be reset.
        const mayFail = !wasUp || !node.isUp || node.resumes !== resumes;
        if (!mayFail) faults.push(`${node.name}: ${what}: ${error.message} ${error.cause}`);
      } else if (!(error instanceof ApiError && expected.includes(error.code)))
        faults.push(`${node.name}: ${what}: ${error instanceof ApiError ? error.code : ''} ${error}`);
      await sleep(pauseMs);
    }
  }

  async function promptAll(node: ChaosNode): Promise<void> {
    for (let n = 1; !isEnding; n++) {
      const prompt = n % commandEvery === 0 ? 'run sleep 0.2' : `prompt ${n} of ${node.name}`;
      await ask(node, 'prompt', async () => {
        const { id } = await node.client.runs.start({ prompt });
        acknowledged.set(id, node.name);
        raise(counts, node);
      });
      await sleep(pauseMs);
    }
  }

  async function cancelSome(node: ChaosNode, other: ChaosNode): Promise<void> {
    while (!isEnding) {
      let started: string | undefined;
      await ask(node, 'prompt', async () => {
        started = (await node.client.runs.start({ prompt: 'run sleep 2' })).id;
        acknowledged.set(started, node.name);
      });
      const id = started;
      if (id !== undefined)
        await ask(
          other,
          'cancel',
          async () => {
            const { status } = await other.client.runs.cancel(id);
            if (status === 'cancelled') cancelled.add(id);
          },
          ['run_ended'],
        );
      await sleep(8 * pauseMs);
    }
  }

  const lines = nodes.flatMap((node, index) => [
    promptAll(node),
    cancelSome(node, nodes[(index + 1) % nodes.length] ?? node),
  ]);
  return {
    acknowledged,
    cancelled,
    countOf: ({ name }) => counts.get(name) ?? 0,
    refusedBy: ({ name }) => refusals.get(name) ?? 0,
    faults,
    async end() {
      isEnding = true;
      await Promise.all(lines);
    },
  };
}
