// Every route of the API has a method.

import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/web.ts';
import { startApp } from '../http/start-app.ts';

/** Calls each method once; most calls fail, as the ids are unknown. Returns the requests. */
async function callAll(url: string): Promise<readonly string[]> {
  const sent = new Set<string>();
  const client = new CodeBuddyClient({
    url,
    apiKey: 'wrong',
    maxRetries: 0,
    async fetch(target, request) {
      sent.add(`${request.method} ${new URL(target).pathname}`);
      return fetch(target, request);
    },
  });
  const first = async (events: AsyncIterable<unknown>): Promise<void> => {
    for await (const _event of events) break;
  };
  const { deliveries, events, keys, nodes, permissions, runs, sessions, signIn, streamTickets } = client;
  const { agents, models, settings, tools, triggers, webhooks } = client;
  const id = 'ID';
  const calls: readonly (() => Promise<unknown>)[] = [
    () => client.health(),
    () => client.ready(),
    () => client.index(),
    () => client.status(),
    () => client.metrics(),
    () => client.prometheusMetrics(),
    () => client.openapi(),
    () => client.eventTypes(),
    () => client.prompt('help'),
    () => deliveries.list(),
    () => deliveries.get(id),
    () => deliveries.request(id),
    () => deliveries.retry(id),
    () => deliveries.retryFailed(),
    () => deliveries.clear(),
    () => events.list(),
    () => events.get(id),
    () => keys.list(),
    () => keys.create({ name: 'x', scopes: ['read'] }),
    () => keys.update(id, { limits: { requestsPerMinute: null } }),
    () => keys.revoke(id),
    () => agents.list(),
    () => models.list(),
    () => nodes.list(),
    () => settings.list(),
    () => permissions.list(),
    () => permissions.decide(id, { decision: 'allow' }),
    () => runs.list(),
    () => runs.get(id),
    () => runs.cancel(id),
    () => runs.resume(id),
    () => first(runs.events(id)),
    () => sessions.list(),
    () => sessions.create(),
    () => sessions.get(id),
    () => sessions.update(id, { title: 'x' }),
    () => sessions.delete(id),
    () => sessions.fork(id),
    () => sessions.export(id),
    () => sessions.setMcpServers(id, {}),
    () => sessions.messages(id),
    () => sessions.search({ q: 'x' }),
    () => first(sessions.events(id)),
    () => signIn.get(),
    () => signIn.create(),
    () => signIn.delete(),
    () => signIn.createCode(),
    () => streamTickets.create(),
    () => tools.list(),
    () => tools.run(id),
    () => triggers.list(),
    () => triggers.create({ source: 'bearer', prompt: 'x' }),
    () => triggers.get(id),
    () => triggers.update(id, {}),
    () => triggers.remove(id),
    () => triggers.rotateSecret(id),
    () => triggers.test(id),
    () => triggers.listCalls(id),
    () => webhooks.list(),
    () => webhooks.figures(),
    () => webhooks.create({ url: 'https://example.org' }),
    () => webhooks.get(id),
    () => webhooks.update(id, {}),
    () => webhooks.remove(id),
    () => webhooks.enable(id),
    () => webhooks.replay(id, { after: 0 }),
    () => webhooks.rotateSecret(id),
    () => webhooks.test(id),
  ];
  await Promise.allSettled(calls.map((call) => call()));
  return [...sent];
}

test('the client has a method for every route', async () => {
  const { url, client } = await startApp();
  const { paths } = (await client.openapi()) as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, 'ID')}`),
  );
  expect(routes.length).toBeGreaterThan(40);
  const sent = await callAll(url);
  // Other protocols have clients of their own.
  const own = routes.filter((route) => !/ \/(v1|mcp)\b/.test(route));
  // Pages for browsers, and the route for senders of triggers.
  expect(own.filter((route) => !sent.includes(route))).toEqual(['POST /triggers/ID', 'GET /docs', 'GET /']);
});
