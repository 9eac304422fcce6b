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
  const {
    deliveries,
    events,
    files,
    keys,
    mcpServers,
    nodes,
    permissions,
    runs,
    sessions,
    signIn,
    streamTickets,
  } = client;
  const { agents, models, settings, tools, triggers, uploads, webhooks } = client;
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
    () => client.files.list(),
    () => client.files.text('README.md'),
    () => files.list(),
    () => files.text('a.txt'),
    () => keys.list(),
    () => keys.create({ name: 'x', scopes: ['read'] }),
    () => keys.update(id, { limits: { requestsPerMinute: null } }),
    () => keys.revoke(id),
    () => agents.list(),
    () => mcpServers.list(),
    () => mcpServers.add({ name: 'x', server: { url: 'https://example.org' } }),
    () => mcpServers.remove(id),
    () => mcpServers.restart(id),
    () => models.list(),
    () => nodes.list(),
    () => settings.list(),
    () => client.inbox.list(),
    () => client.inbox.answer(id, { answer: 'a' }),
    () => client.inbox.giveResult(id, { result: 1 }),
    () => permissions.list(),
    () => permissions.decide(id, { decision: 'allow' }),
    () => runs.list(),
    () => runs.get(id),
    () => runs.cancel(id),
    () => runs.resume(id),
    () => runs.steer(id, 'x'),
    () => first(runs.events(id)),
    () => sessions.list(),
    () => sessions.create(),
    () => sessions.addMessage(id, 'x'),
    () => sessions.compact(id),
    () => sessions.get(id),
    () => sessions.update(id, { title: 'x' }),
    () => sessions.delete(id),
    () => sessions.fork(id),
    () => sessions.export(id),
    () => sessions.changes(id),
    () => sessions.undo(id),
    () => sessions.redo(id),
    () => sessions.mcpServers(id),
    () => sessions.setMcpServers(id, {}),
    () => sessions.messages(id),
    () => sessions.search({ q: 'x' }),
    () => sessions.changes(id),
    () => sessions.undo(id),
    () => sessions.redo(id),
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
    () => uploads.create(new Uint8Array(1)),
    () => uploads.get(id),
    () => uploads.content(id),
    () => uploads.delete(id),
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
    () => client.workspaces.list(),
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
  // Pages for browsers, the route for senders of triggers, and another name of `GET /api/config`.
  const others = ['POST /triggers/ID', 'GET /api/settings', 'GET /docs', 'GET /'];
  expect(own.filter((route) => !sent.includes(route))).toEqual(others);
});
