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
  joins(): Promise<readonly Happening[]>;
  /** All nodes that were declared dead. */
  deaths(): Promise<readonly Happening[]>;
}

export const secret = 'a secret of the tests';
/** Events that are sent, by the path of the webhook. Fewer in order: each waits for the commit of the one before. */
export const sentTypes: Readonly<Record<string, readonly string[]>> = {
  '/plain': ['session.*', 'message.*', 'tool.*', 'run.*'],
  '/ordered': ['run.*'],
};

let clusters = 0;

export interface Happening {
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
  await server.query(recordHappenings, database.name);
  async function happenings(table: 'joins' | 'deaths'): Promise<readonly Happening[]> {
    const rows = await server.query(`SELECT node_id, at FROM ${table} ORDER BY at`, database.name);
    return rows.map(({ node_id, at }) => ({ nodeId: String(node_id), at: Number(at) }));
  }
  return {
    server,
    nodes,
    receiver,
    databaseUrl: database.url,
    role: database.role,
    async createWebhook(path, { ordered = false } = {}) {
      const { id } = await (nodes[0] as ChaosNode).client.webhooks.create({
        url: `http://${receiver.address}${path}`,
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
    joins: () => happenings('joins'),
    deaths: () => happenings('deaths'),
  };
}

/** Keeps when nodes are declared dead, and when they have joined again. */
const recordHappenings = `
  CREATE TABLE joins (node_id text NOT NULL, at bigint NOT NULL);
  CREATE TABLE deaths (node_id text NOT NULL, at bigint NOT NULL);
  CREATE FUNCTION record_happening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    EXECUTE format('INSERT INTO public.%I VALUES ($1, extract(epoch FROM clock_timestamp()) * 1000)', TG_ARGV[0])
      USING NEW.id;
    RETURN NEW;
  END $$;
  CREATE TRIGGER record_join AFTER UPDATE ON nodes
    FOR EACH ROW WHEN (NEW.alive AND NOT OLD.alive) EXECUTE FUNCTION record_happening('joins');
  CREATE TRIGGER record_death AFTER UPDATE ON nodes
    FOR EACH ROW WHEN (OLD.alive AND NOT NEW.alive AND NOT NEW.has_left) EXECUTE FUNCTION record_happening('deaths');
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
