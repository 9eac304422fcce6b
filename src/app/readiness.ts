// The checks of GET /health/ready: whether the store accepts commits, this node holds its lease, deliveries are sent, and commands can run.

import type { Agent } from '../agent/agent.ts';
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

export async function checkReadiness(parts: Parts): Promise<readonly ReadinessPart[]> {
  const { store, ownership, agent, webhooks } = parts;
  const { models, reason } = await agent.models.choice();
  const sandbox = await agent.describeSandbox();
  return [
    await checkStore(store),
    checkNode(ownership),
    await checkWebhooks(webhooks),
    {
      name: 'model',
      ready: true,
      detail: models.length === 0 ? `offline agent: ${reason}` : `${models.join(', then ')}: ${reason}`,
    },
    {
      name: 'sandbox',
      ready: sandbox.status === 'works' || sandbox.status === 'checking' || sandbox.mode !== 'required',
      detail: sandbox.detail,
    },
    { name: 'runs', ready: true, detail: `${agent.runs.activeCount()} unfinished` },
  ];
}

async function checkStore(store: Store): Promise<ReadinessPart> {
  const name = 'store';
  try {
    await store.probe();
    return { name, ready: true, detail: 'the store takes commits' };
  } catch (error) {
    return { name, ready: false, detail: error instanceof Error ? error.message : 'failed' };
  }
}

function checkNode({ shared, node }: Ownership): ReadinessPart {
  const name = 'node';
  if (!shared) return { name, ready: true, detail: `${node.id}: the only node of its database` };
  const leftMs = node.leaseLeftMs();
  const detail =
    leftMs > 0
      ? `${node.id} holds its lease for another ${(leftMs / 1000).toFixed(1)} s`
      : `${node.id} has no lease, so it sends no deliveries and starts no model step`;
  return { name, ready: leftMs > 0, detail };
}

async function checkWebhooks(webhooks: WebhookEngine): Promise<ReadinessPart> {
  const trouble = webhooks.trouble();
  const attention = await describeWebhooks(webhooks);
  const state = trouble === undefined ? 'deliveries are being sent' : `deliveries are waiting: ${trouble}`;
  return {
    name: 'webhooks',
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
