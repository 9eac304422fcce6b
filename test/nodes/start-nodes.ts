// Nodes of one new PostgreSQL database, each the whole program in this process with its own folders, and one model for
// all of them.

import { onTestFinished } from 'vitest';
import type { CodeBuddyClient } from '../../src/client/index.ts';
import { type ModelServer, type Replies, startModelServer } from '../agent/model-server.ts';
import { type StartedApp, startApp } from '../http/start-app.ts';
import { postgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { waitFor } from '../wait-for.ts';

export interface StartedNodes {
  readonly first: StartedApp;
  readonly second: StartedApp;
  readonly model: ModelServer;
  readonly databaseUrl: string;
  startAnother(): Promise<StartedApp>;
  /** Run a statement as a person would. */
  sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export async function startNodes(
  replies: Replies,
  config: Readonly<Record<string, unknown>> = {},
): Promise<StartedNodes> {
  const databaseUrl = await postgresUrl();
  const model = await startModelServer(replies);
  const options = {
    config: {
      models: ['local/m'],
      providers: { local: { baseURL: `${model.url}/v1` } },
      ...config,
    },
    environment: {
      DATABASE_URL: `${databaseUrl}?max=4`,
      // For models with a price.
      OPENAI_API_KEY: 'k',
      OPENAI_BASE_URL: `${model.url}/v1`,
    },
  };
  const first = await startApp(options);
  const second = await startApp(options);
  return {
    first,
    second,
    model,
    databaseUrl,
    startAnother: () => startApp(options),
    sql: async (text) => (await startPostgres()).query(text, new URL(databaseUrl).pathname.slice(1)),
  };
}

/** Let `by` take over from a node that is alive, as if it had not renewed its lease. */
export async function declareDead({ sql }: StartedNodes, gone: StartedApp, by: StartedApp): Promise<void> {
  const idOf = async ({ client }: StartedApp): Promise<string | undefined> =>
    (await client.nodes.list()).nodes.find(({ self }) => self)?.id;
  const [goneId, byId] = [await idOf(gone), await idOf(by)];
  await waitFor('the take-over', async () => {
    const [row] = await sql(
      `SELECT take_over(b.id, b.epoch, a.id, a.epoch, a.renewals) AS done FROM nodes a, nodes b
       WHERE a.id = '${goneId}' AND b.id = '${byId}'`,
    );
    return row?.done;
  });
}

/** Waits until a run has the status, as a node sees it. */
export function hasStatus(client: CodeBuddyClient, runId: string, status: string): Promise<unknown> {
  return waitFor(
    `run ${runId} to be ${status}`,
    async () => (await client.runs.get(runId)).status === status,
    async () => client.runs.get(runId),
  );
}

/** A gate that a test opens. It is open when the test ends. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  onTestFinished(() => open());
  return { opened, open: () => open() };
}

/** The types of a run's events in the log, in order. */
export async function eventTypes(client: CodeBuddyClient, runId: string): Promise<readonly string[]> {
  const { events } = await client.events.list({ runId, limit: 200 });
  return events.map(({ type }) => type);
}
