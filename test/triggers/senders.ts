// Calls of triggers as the senders make them: signed, over a real socket.

import { createHmac } from 'node:crypto';
import type { CodeBuddyClient } from '../../src/client/index.ts';
import { waitFor } from '../wait-for.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

export interface Target {
  readonly url: string;
  readonly path: string | null;
  readonly secret: string | null;
}

export function hmacHex(secret: string, ...parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

export async function post(
  { url, path }: Pick<Target, 'url' | 'path'>,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(body)),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // An empty answer.
  }
  return { status: response.status, headers: response.headers, json };
}

let deliveries = 0;

export interface GithubCall {
  readonly event?: string;
  readonly delivery?: string;
  readonly secret?: string;
  readonly hop?: string;
}

/** A call of GitHub. */
export function github(
  target: Target,
  payload: unknown,
  {
    event = 'pull_request',
    delivery = `d-${++deliveries}`,
    secret = target.secret ?? '',
    hop,
  }: GithubCall = {},
): Promise<Answer> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return post(target, body, {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': delivery,
    'x-hub-signature-256': `sha256=${hmacHex(secret, body)}`,
    ...(hop === undefined ? {} : { 'x-codebuddy-hop': hop }),
  });
}

/** A call by Standard Webhooks. */
export function standard(
  target: Target,
  payload: unknown,
  { id = `msg-${++deliveries}`, at = Date.now() }: { readonly id?: string; readonly at?: number } = {},
): Promise<Answer> {
  const body = JSON.stringify(payload);
  const time = String(Math.floor(at / 1000));
  const key = Buffer.from((target.secret ?? '').replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
  return post(target, body, {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': time,
    'webhook-signature': `v1,${signature}`,
  });
}

/** A call of Slack. */
export function slack(
  target: Target,
  payload: unknown,
  { at = Date.now() }: { readonly at?: number } = {},
): Promise<Answer> {
  const isForm = typeof payload === 'string';
  const body = isForm ? payload : JSON.stringify(payload);
  const time = String(Math.floor(at / 1000));
  return post(target, body, {
    'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
    'x-slack-request-timestamp': time,
    'x-slack-signature': `v0=${hmacHex(target.secret ?? '', `v0:${time}:`, body)}`,
  });
}

export function pullRequest(number: number, more: Readonly<Record<string, unknown>> = {}) {
  return {
    action: 'opened',
    number,
    pull_request: {
      number,
      title: `Change ${number}`,
      base: { ref: 'main' },
      labels: [{ name: 'bug' }],
      author_association: 'MEMBER',
    },
    sender: { login: 'ann' },
    ...more,
  };
}

/** The text of the prompt that a run got. */
export async function promptOf(client: CodeBuddyClient, runId: string): Promise<string> {
  const run = await waitFor(`run ${runId} to end`, async () => {
    const found = await client.runs.get(runId);
    return found.endedAt === null ? undefined : found;
  });
  return run.prompt;
}
