// The SQL of nodes and their lanes and claims. A statement that begins with `fence` does nothing if this node was
// declared dead: $1 is its id, $2 its epoch.

import type { Statement } from '../database.ts';

/** Waits for a take-over under way, and is waited for by one. Renewals do not wait for it. */
const fence = 'WITH fence AS (SELECT id FROM nodes WHERE id = $1 AND epoch = $2 AND alive FOR KEY SHARE)';
const databaseTime = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
const granted = `SELECT (classid::bigint << 32) | objid::bigint AS lock_key FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const texts = {
  checkFence: 'SELECT check_fence($1, $2, $3)',

  // ---- the node
  lock: 'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
  /** Ends a connection of this node that the server still believes in. */
  endLockHolder: `SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) | objid::bigint = hashtextextended($1, 0)`,
  /**
   * No row if the schema is newer than the node knows. A second join, after the answer to the first was lost, keeps the
   * epoch, and everything claimed with it.
   */
  join: `INSERT INTO nodes (id, epoch, alive, renewals, lease_until, serves_lanes, url, version, started_at)
    SELECT $1, 1, true, 0, ${databaseTime} + $2::bigint, $3::boolean, $4, $5, ${databaseTime} FROM schema_version WHERE version <= $6
    ON CONFLICT (id) DO UPDATE SET epoch = nodes.epoch + (NOT nodes.alive)::int, alive = true, has_left = false, renewals = nodes.renewals + 1,
      lease_until = EXCLUDED.lease_until, serves_lanes = EXCLUDED.serves_lanes, url = EXCLUDED.url
    RETURNING epoch`,
  renew: `UPDATE nodes SET renewals = renewals + 1, lease_until = ${databaseTime} + $3::bigint, serves_lanes = $4, url = $5,
      lag = greatest(0, (SELECT last FROM log_head) - $6::bigint)
    WHERE id = $1 AND epoch = $2 AND alive`,
  look: `SELECT id, epoch, alive, renewals, held.lock_key IS NOT NULL AS locked,
      NOT alive AS leaves_runs, serves_lanes, (SELECT version FROM schema_version) AS schema_version,
      pg_postmaster_start_time()::text AS database_start,
      extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000 AS database_age
    FROM nodes LEFT JOIN (${granted}) held ON held.lock_key = nodes.lock_key
    WHERE alive OR EXISTS (SELECT FROM claims WHERE claims.node_id = nodes.id)`,
  takeOver: 'SELECT take_over($1, $2, $3, $4, $5) AS done',
  /** Leaves. Runs that were left are inherited by a node that sees them. */
  leave: `WITH own AS (
      -- Waits for writes under way whose outcome is not known yet.
      SELECT id FROM nodes WHERE id = $1 AND epoch = $2 AND alive FOR UPDATE
    ), gone AS (
      UPDATE nodes SET alive = false, has_left = true, epoch = epoch + 1 FROM own WHERE nodes.id = own.id RETURNING nodes.id
    ), freed AS (
      UPDATE lanes SET node_id = NULL, pinned = false FROM gone WHERE node_id = gone.id
    ), refused AS (
      UPDATE commands SET status = 'dead' FROM gone WHERE node_id = gone.id AND status = 'sent'
    )
    DELETE FROM claims USING gone WHERE node_id = gone.id AND name NOT LIKE 'run:%'`,
  forgetOldNodes: `DELETE FROM nodes WHERE NOT alive AND lease_until < ${databaseTime} - 3600000
    AND NOT EXISTS (SELECT FROM claims WHERE claims.node_id = nodes.id)`,
  listNodes: `SELECT id, epoch, url, version, started_at, lease_until, alive, has_left, lag,
      (SELECT count(*) FROM lanes WHERE lanes.node_id = nodes.id) AS lanes,
      (SELECT count(*) FROM claims WHERE claims.node_id = nodes.id AND name LIKE 'run:%') AS runs
    FROM nodes WHERE alive OR lease_until > ${databaseTime} - 3600000 ORDER BY started_at, id`,
  poll: `SELECT (SELECT last FROM log_head) AS last,
      (SELECT json_object_agg(topic, version) FROM topics) AS topics,
      EXISTS (SELECT FROM commands WHERE node_id = $1 AND status = 'sent') AS has_commands,
      EXISTS (SELECT FROM commands WHERE sender = $1 AND status <> 'sent') AS has_answers,
      EXISTS (SELECT FROM claims WHERE node_id = $1 AND inherited) AS has_inherited`,
  notify: `SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS message (channel, payload)`,

  // ---- lanes
  addLanes: `INSERT INTO lanes (webhook_id, node_id, pinned) SELECT id, NULL, false FROM unnest($1::text[]) AS id
    ORDER BY id ON CONFLICT DO NOTHING`,
  addPinnedLanes: `${fence} INSERT INTO lanes (webhook_id, node_id, pinned)
      SELECT webhook_id, fence.id, true FROM fence, unnest($3::text[]) AS webhook_id ORDER BY webhook_id
    ON CONFLICT (webhook_id) DO UPDATE SET node_id = EXCLUDED.node_id, pinned = true WHERE lanes.node_id IS NULL
    RETURNING webhook_id`,
  /** One that was created again keeps its lane. */
  removeLanes: `DELETE FROM lanes WHERE webhook_id = ANY($1)
    AND NOT EXISTS (SELECT FROM webhooks WHERE webhooks.id = webhook_id AND entry IS NOT NULL)`,
  countLanes: 'SELECT node_id, count(*) AS lanes FROM lanes WHERE NOT pinned GROUP BY node_id',
  claimLanes: `${fence}, free AS (
      SELECT webhook_id FROM lanes, fence WHERE node_id IS NULL LIMIT $3 FOR UPDATE OF lanes SKIP LOCKED
    )
    UPDATE lanes SET node_id = $1 FROM free WHERE lanes.webhook_id = free.webhook_id RETURNING lanes.webhook_id`,
  releaseLanes: 'UPDATE lanes SET node_id = NULL, pinned = false WHERE node_id = $1 AND webhook_id = ANY($2)',
  ownLanes: 'SELECT webhook_id FROM lanes WHERE node_id = $1',
  laneOwner: `SELECT node_id FROM lanes JOIN nodes ON nodes.id = node_id AND alive WHERE webhook_id = $1`,

  // ---- claims and runs
  claim: `${fence}, claimed AS (
      INSERT INTO claims (name, node_id, inherited) SELECT $3, id, false FROM fence
      ON CONFLICT (name) DO UPDATE SET inherited = false WHERE claims.node_id = EXCLUDED.node_id
      RETURNING name
    )
    SELECT EXISTS (SELECT FROM fence) AS is_member, (SELECT name FROM claimed) AS name`,
  releaseClaim: 'DELETE FROM claims WHERE name = $2 AND node_id = $1',
  /** A request that was lost with this node (lost-requests-migration.ts), but has changed nothing. */
  removeLoss:
    "DELETE FROM answers WHERE $2 LIKE 'answer:%' AND key = substr($2, 8) AND status = 0 AND fingerprint = $1",
  keepLoss: `UPDATE answers SET fingerprint = ''
    WHERE $2 LIKE 'answer:%' AND key = substr($2, 8) AND status = 0 AND fingerprint = $1`,
  claimHolder: 'SELECT node_id FROM claims JOIN nodes ON nodes.id = node_id AND alive WHERE name = $1',
  inheritedRuns:
    'SELECT substr(name, 5) AS run_id FROM claims WHERE node_id = $1 AND inherited ORDER BY name LIMIT 200',

  readSecret: 'SELECT value FROM node_secret',

  // ---- counters
  addToCounter: `UPDATE counters SET value = value + $2::double precision, changed_at = ${databaseTime} WHERE name = $1 RETURNING value`,
  startCounter: `INSERT INTO counters (name, value, changed_at) VALUES ($1, $2, ${databaseTime}) ON CONFLICT (name) DO NOTHING`,
  forgetOldCounters: `DELETE FROM counters WHERE changed_at < ${databaseTime} - 604800000`,

  // ---- tokens
  useToken: `INSERT INTO used_tokens AS t (token, until) VALUES ($1, ${databaseTime} + $2::bigint)
    ON CONFLICT (token) DO UPDATE SET until = EXCLUDED.until WHERE t.until < ${databaseTime} RETURNING token`,
  forgetOldTokens: `DELETE FROM used_tokens WHERE until < ${databaseTime}`,

  // ---- commands
  sendCommand: `INSERT INTO commands (id, sender, node_id, kind, data, status, created_at)
    SELECT $1, $2, id, $4, $5, 'sent', ${databaseTime} FROM nodes WHERE id = $3 AND alive FOR KEY SHARE`,
  readCommands:
    "SELECT id, sender, kind, data FROM commands WHERE node_id = $1 AND status = 'sent' ORDER BY created_at, id",
  answerCommand: `${fence} UPDATE commands SET status = $4, answer = $5 FROM fence
    WHERE commands.id = $3 AND status = 'sent'`,
  takeAnswers: `DELETE FROM commands WHERE sender = $1 AND status <> 'sent' RETURNING id, status, answer`,
  forgetOldCommands: `DELETE FROM commands WHERE created_at < ${databaseTime} - 3600000`,
} as const;

type Name = keyof typeof texts;

/** Named for the cache of prepared statements. */
export const statements = Object.fromEntries(
  Object.entries(texts).map(([name, text]) => [name, { name: `nodes-${name}`, text }]),
) as Readonly<Record<Name, Statement>>;
