// The checks of GET /health/ready: whether the store accepts commits, this node holds its lease, deliveries are sent, and
// commands can run.

import type { Agent } from '../agent/agent.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import type { ReadinessPart } from '../contract/readiness.ts';
import { describeAttention, webhooksToLookAt } from '../http/resources/webhook-attention.ts';
import type { Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import type { WebhookEngine } from '../webhooks/engine.ts';

export interface Parts {
  readonly store: Store;
  readonly ownership: Ownership;
  readonly agent: Agent;
  readonly webhooks: WebhookEngine;
}

/** Monitors wait no longer. A part that hangs does not hold back what is known about the others. */
const answerWithinMs = 3000;

/** Returns the check. */
export function createReadiness({
  store,
  ownership,
  agent,
  webhooks,
}: Parts): () => Promise<readonly ReadinessPart[]> {
  const checks = [
    boundedCheck('store', () => checkStore(store)),
    boundedCheck('node', async () => checkNode(ownership)),
    boundedCheck('webhooks', () => checkWebhooks(webhooks)),
    boundedCheck('model', () => checkModel(agent)),
    boundedCheck('sandbox', () => checkSandbox(agent)),
    boundedCheck('runs', async () => ({ ready: true, detail: `${agent.runs.activeCount()} unfinished` })),
  ];
  return () => Promise.all(checks.map((check) => check()));
}

type PartState = Omit<ReadinessPart, 'name'>;

function boundedCheck(name: string, check: () => Promise<PartState>): () => Promise<ReadinessPart> {
  /** One that hangs is not started again by each caller. */
  let running: Promise<PartState> | undefined;

  function run(): Promise<PartState> {
    running ??= check()
      .catch((error: unknown) => ({
        ready: false,
        detail: error instanceof Error ? error.message : 'failed',
      }))
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<PartState>((resolve) => {
      const detail = `no answer within ${answerWithinMs / 1000} s`;
      timer = setTimeout(() => resolve({ ready: false, detail }), answerWithinMs);
    });
    const state = await Promise.race([run(), late]);
    clearTimeout(timer);
    return { name, ...state };
  };
}

async function checkStore(store: Store): Promise<PartState> {
  await store.probe();
  return { ready: true, detail: 'the store takes commits' };
}

async function checkModel(agent: Agent): Promise<PartState> {
  const { defaultName } = agent.agents;
  if (defaultName !== builtinAgent) {
    const fault = agent.agents.defaultFault();
    return { ready: fault === undefined, detail: fault ?? `the agent ${defaultName} answers new sessions` };
  }
  const { models, reason } = await agent.models.choice();
  const chosen = models.length === 0 ? 'offline agent' : models.join(', then ');
  return { ready: true, detail: `${chosen}: ${reason}` };
}

async function checkSandbox(agent: Agent): Promise<PartState> {
  const { status, mode, detail } = await agent.describeSandbox();
  return { ready: status === 'works' || status === 'checking' || mode !== 'required', detail };
}

function checkNode({ shared, node }: Ownership): PartState {
  if (!shared) return { ready: true, detail: `${node.id}: the only node of its database` };
  const leftMs = node.leaseLeftMs();
  const detail =
    leftMs > 0
      ? `${node.id} holds its lease for another ${(leftMs / 1000).toFixed(1)} s`
      : `${node.id} has no lease, so it sends no deliveries and starts no model step`;
  return { ready: leftMs > 0, detail };
}

async function checkWebhooks(webhooks: WebhookEngine): Promise<PartState> {
  const trouble = webhooks.trouble();
  const attention = await describeWebhooks(webhooks);
  const state = trouble === undefined ? 'deliveries are being sent' : `deliveries are waiting: ${trouble}`;
  return {
    ready: trouble === undefined,
    detail: [
      state + describeRefused(webhooks.refused()),
      ...(attention === undefined ? [] : [attention]),
    ].join('; '),
  };
}

/** One line about the webhooks that need attention; undefined if there are none. */
export async function describeWebhooks(webhooks: WebhookEngine): Promise<string | undefined> {
  return describeAttention(webhooksToLookAt(await webhooks.list()), webhooks.setAside());
}

const maxNamed = 3;

/** The end of a sentence; empty if no webhook is refused. */
export function describeRefused(
  refused: readonly { readonly id: string; readonly reason: string }[],
): string {
  if (refused.length === 0) return '';
  const named = refused.slice(0, maxNamed).map(({ id, reason }) => `${id} (${reason})`);
  const more = refused.length > maxNamed ? `, and ${refused.length - maxNamed} more` : '';
  return `; refused, with deliveries waiting: ${named.join(', ')}${more}`;
}
