// Several nodes on one new database, and a receiver of their webhooks.

import type { PostgresServer } from '../../postgres/postgres-server.ts';
import { type ChaosNode, startNode } from './node.ts';
import { type NodeReceiver, startNodeReceiver } from './receiver.ts';

export interface Cluster {
  readonly server: PostgresServer;
  readonly nodes: readonly ChaosNode[];
  readonly receiver: NodeReceiver;
  readonly databaseUrl: string;
  /** The role that the nodes use: an ordinary user, so that its number of connections can be limited. */
  readonly role: string;
  /** Create a webhook for a path of `sentTypes`. It is signed with `secret`. */
  createWebhook(path: string, options?: { readonly ordered?: boolean }): Promise<string>;
  /** When the node joined again after this time. Both are Unix ms. */
  joinedAt(node: ChaosNode, after: number): Promise<number | undefined>;
  /** All nodes that were declared dead and have joined again, by a fault or because the machine was busy. */
  joins(): Promise<readonly Join[]>;
}

export const secret = 'a secret of the tests';
/** Events that are sent, by the path of the webhook. Fewer in order: each waits for the commit of the one before. */
export const sentTypes: Readonly<Record<string, readonly string[]>> = {
  '/plain': ['session.*', 'message.*', 'tool.*', 'run.*'],
  '/ordered': ['run.*'],
};

let clusters = 0;

export interface Join {
  readonly nodeId: string;
  /** Unix ms. */
  readonly at: number;
}

/** The nodes start at the same time. */
export async function startCluster(
  server: PostgresServer,
  { count = 2, connections = 6 }: { readonly count?: number; readonly connections?: number } = {},
): Promise<Cluster> {
  const database = await createDatabase(server);
  const receiver = await startNodeReceiver();
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const name = `node ${index + 1}`;
      return startNode({
        name,
        databaseUrl: `${database.url}?max=${connections}`,
        databasePort: server.port,
        webhookProxy: await receiver.startProxy(name),
      });
    }),
  );
  await server.query(recordJoins, database.name);
  return {
    server,
    nodes,
    receiver,
    databaseUrl: database.url,
    role: database.role,
    async createWebhook(path, { ordered = false } = {}) {
      const { id } = await (nodes[0] as ChaosNode).client.webhooks.create({
        url: `http://127.0.0.1:${receiver.port}${path}`,
        events: [...(sentTypes[path] ?? [])],
        secret,
        ordered,
        retryDelay: 100,
        retryCount: 100,
      });
      return id;
    },
    async joinedAt({ id }, after) {
      const [row] = await server.query(
        `SELECT min(at) AS at FROM joins WHERE node_id = '${id}' AND at > ${after}`,
        database.name,
      );
      return typeof row?.at === 'string' ? Number(row.at) : undefined;
    },
    async joins() {
      const rows = await server.query('SELECT node_id, at FROM joins ORDER BY at', database.name);
      return rows.map(({ node_id, at }) => ({ nodeId: String(node_id), at: Number(at) }));
    },
  };
}

/** Keeps when nodes that were declared dead have joined again. */
const recordJoins = `
  CREATE TABLE joins (node_id text NOT NULL, at bigint NOT NULL);
  CREATE FUNCTION record_join() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO public.joins VALUES (NEW.id, extract(epoch FROM clock_timestamp()) * 1000);
    RETURN NEW;
  END $$;
  CREATE TRIGGER record_join AFTER UPDATE ON nodes
    FOR EACH ROW WHEN (NEW.alive AND NOT OLD.alive) EXECUTE FUNCTION record_join();
`;

/** A database whose owner is a role of its own. */
export async function createDatabase(
  server: PostgresServer,
): Promise<{ readonly url: string; readonly role: string; readonly name: string }> {
  const name = `chaos_${++clusters}`;
  const role = `${name}_owner`;
  await server.query(`CREATE ROLE ${role} LOGIN`);
  await server.query(`CREATE DATABASE ${name} OWNER ${role}`);
  return { url: server.url(name).replace(/\/\/\w+@/, `//${role}@`), role, name };
}
