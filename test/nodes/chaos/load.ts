// Clients that prompt all nodes without pause, and cancel some runs from another node. Acknowledged work is kept, and
// everything that a client may not see is a fault.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, ServerUnreachableError } from '../../../src/client/index.ts';
import type { Attempt } from './attempts.ts';
import type { ChaosNode } from './node.ts';
import type { UnknownOutcome } from './unknown-outcomes.ts';

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
  /** Prompts whose outcome the server did not know. */
  readonly unknowns: readonly UnknownOutcome[];
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
  const unknowns: UnknownOutcome[] = [];
  let isEnding = false;

  const raise = (map: Map<string, number>, { name }: ChaosNode): void =>
    void map.set(name, (map.get(name) ?? 0) + 1);

  /** `expected`: codes of errors that are an answer, too. `key`: the Idempotency-Key of the call. */
  async function ask(
    node: ChaosNode,
    what: string,
    call: () => Promise<void>,
    { expected = [], key }: { readonly expected?: readonly string[]; readonly key?: string } = {},
  ): Promise<void> {
    const { id: nodeId, isUp: wasUp, outages } = node;
    const attemptsSoFar = (): readonly Attempt[] => (key === undefined ? [] : node.attempts.take(key));
    try {
      await call();
      attemptsSoFar();
    } catch (error) {
      const attempts = attemptsSoFar();
      const fault = (text: string): void => {
        const all = attempts.length > 1 ? `; attempts: ${JSON.stringify(attempts)}` : '';
        faults.push(`${node.name}: ${what}: ${text}${all}`);
      };
      if (error instanceof ServerUnreachableError) {
        // A request that waited for a suspended process may be reset.
        const mayFail = !wasUp || node.outages !== outages;
        if (!mayFail) fault(`${error.message} ${error.cause}`);
      } else if (!(error instanceof ApiError)) fault(String(error));
      // 429: runs that wait for the database fill the queue.
      else if (error.status === 503 || error.status === 429) {
        if (error.status === 503) raise(refusals, node);
        if (error.retryAfterSeconds === undefined)
          fault(`${error.code} without Retry-After: ${error.message}`);
      } else if (error.code === 'idempotency_unknown')
        unknowns.push({ node, nodeId, attempts, answeredAt: Date.now() });
      else if (!(expected.includes(error.code) || isStillWorking(error, attempts)))
        fault(`${error.code} ${error}`);
      await sleep(pauseMs);
    }
  }

  function start(node: ChaosNode, prompt: string, onStarted: (id: string) => void): Parameters<typeof ask> {
    const key = randomUUID();
    const call = async (): Promise<void> => {
      const { id } = await node.client.runs.start({ prompt }, { idempotencyKey: key });
      acknowledged.set(id, node.name);
      onStarted(id);
    };
    return [node, 'prompt', call, { key }];
  }

  async function promptAll(node: ChaosNode): Promise<void> {
    for (let n = 1; !isEnding; n++) {
      const prompt = n % commandEvery === 0 ? 'run sleep 0.2' : `prompt ${n} of ${node.name}`;
      await ask(...start(node, prompt, () => raise(counts, node)));
      await sleep(pauseMs);
    }
  }

  async function cancelSome(node: ChaosNode, other: ChaosNode): Promise<void> {
    while (!isEnding) {
      let started: string | undefined;
      await ask(
        ...start(node, 'run sleep 2', (id) => {
          started = id;
        }),
      );
      const id = started;
      if (id !== undefined)
        await ask(
          other,
          'cancel',
          async () => {
            const { status } = await other.client.runs.cancel(id);
            if (status === 'cancelled') cancelled.add(id);
          },
          { expected: ['run_ended'] },
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
    unknowns,
    async end() {
      isEnding = true;
      await Promise.all(lines);
    },
  };
}

/** An attempt that got no answer may still be under way. */
function isStillWorking({ code }: ApiError, attempts: readonly Attempt[]): boolean {
  return code === 'idempotency_in_progress' && attempts.some(({ status }) => status === undefined);
}
