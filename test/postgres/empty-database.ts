// Brings a database back to the contents of its template: faster than creating it again.

import type { PostgresServer } from './postgres-server.ts';

export interface DatabaseContents {
  /** Changes with the tables, columns, indexes, functions and settings. */
  readonly schema: string;
  /** SQL that removes all rows, and writes those of the template. */
  readonly reset: string;
}

const schemaSql = `SELECT md5(string_agg(line, chr(10) ORDER BY line)) AS schema FROM (
  SELECT format('%s %s %s %s %s', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS line
    FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT format('function %s %s', proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT format('trigger %s %s', tgname, tgenabled) FROM pg_trigger
  UNION ALL SELECT format('constraint %s %s', conname, convalidated) FROM pg_constraint
  UNION ALL SELECT format('schema %s', nspname) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT format('setting %s', setconfig) FROM pg_db_role_setting
  UNION ALL SELECT format('publication %s', pubname) FROM pg_publication
) AS lines`;

export async function readContents(server: PostgresServer, template: string): Promise<DatabaseContents> {
  const tables = await server.query(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`,
    template,
  );
  const rows: string[] = [];
  for (const { name } of tables) {
    const [found] = await server.query(
      `SELECT quote_literal(json_agg(t)::text) AS rows, count(*)::int AS count FROM ${name} t`,
      template,
    );
    if (found?.count !== 0)
      rows.push(
        `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${name}, ${found?.rows});`,
      );
  }
  const sequences = await server.query(
    `SELECT format('SELECT setval(%L, %s, %L);', sequencename, coalesce(last_value, start_value), last_value IS NOT NULL) AS set
      FROM pg_sequences WHERE schemaname = 'public'`,
    template,
  );
  // `replica`: without triggers, and without the order that foreign keys need.
  const deletes = tables.map(
    ({ name }) => `IF EXISTS (SELECT 1 FROM ${name}) THEN DELETE FROM ${name}; END IF;`,
  );
  const reset = [
    'BEGIN; SET LOCAL session_replication_role = replica;',
    `DO $reset$ BEGIN ${deletes.join(' ')} END $reset$;`,
    ...rows,
    ...sequences.map(({ set }) => String(set)),
    'COMMIT;',
  ].join('\n');
  const [found] = await server.query(schemaSql, template);
  return { schema: String(found?.schema), reset };
}

/** Resolves to false if the test has changed more than rows. */
export async function empty(
  server: PostgresServer,
  database: string,
  { schema, reset }: DatabaseContents,
): Promise<boolean> {
  const [found] = await server.query(schemaSql, database);
  if (found?.schema !== schema) return false;
  await server.query(reset, database);
  return true;
}
