// The tables that a move from SQLite to PostgreSQL copies row by row: they have the same columns on both sides. The
// order is that of the references between them.

/** `bytes` are moved as base64. */
export type ColumnType = 'bigint' | 'integer' | 'text' | 'bytes';

export interface MovedTable {
  readonly name: string;
  /** Of the primary key: rows are read and resumed in its order. */
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** On SQLite: which rows are moved. @default all */
  readonly where?: string;
  /** Rows are added and deleted, but not changed, or what changes them also changes another table. @default false */
  readonly isFixed?: true;
}

/** Copies of sessions that were never finished stay behind. */
const ofSession = 'session_id NOT IN (SELECT id FROM sessions WHERE is_draft = 1)';

export const movedTables: readonly MovedTable[] = [
  {
    name: 'events',
    isFixed: true,
    key: ['sequence'],
    columns: {
      sequence: 'bigint',
      id: 'text',
      type: 'text',
      timestamp: 'bigint',
      session_id: 'text',
      run_id: 'text',
      data: 'text',
    },
  },
  {
    name: 'sessions',
    key: ['id'],
    columns: {
      id: 'text',
      title: 'text',
      created_at: 'bigint',
      updated_at: 'bigint',
      details: 'text',
      place: 'text',
      is_archived: 'integer',
    },
    where: 'is_draft = 0',
  },
  {
    name: 'runs',
    key: ['id'],
    columns: {
      id: 'text',
      session_id: 'text',
      status: 'text',
      created_at: 'bigint',
      updated_at: 'bigint',
      details: 'text',
    },
    where: ofSession,
  },
  {
    name: 'messages',
    isFixed: true,
    key: ['id'],
    columns: {
      id: 'text',
      session_id: 'text',
      run_id: 'text',
      role: 'text',
      created_at: 'bigint',
      content: 'text',
    },
    where: ofSession,
  },
  {
    name: 'turns',
    isFixed: true,
    key: ['id'],
    columns: { id: 'text', session_id: 'text', run_id: 'text', content: 'text' },
    where: ofSession,
  },
  {
    name: 'questions',
    key: ['id'],
    columns: { id: 'text', run_id: 'text', session_id: 'text', content: 'text', is_answered: 'integer' },
    where: ofSession,
  },
  {
    name: 'session_names',
    key: ['name'],
    columns: { name: 'text', session_id: 'text' },
    where: ofSession,
  },
  {
    name: 'keys',
    key: ['id'],
    columns: {
      id: 'text',
      name: 'text',
      hash: 'text',
      scopes: 'text',
      created_at: 'bigint',
      limits: 'text',
    },
  },
  {
    name: 'mcp_servers',
    key: ['name'],
    columns: { name: 'text', config: 'text', created_at: 'bigint' },
  },
  {
    name: 'answers',
    key: ['key'],
    columns: {
      key: 'text',
      fingerprint: 'text',
      status: 'integer',
      headers: 'text',
      body: 'text',
      created_at: 'bigint',
    },
  },
  {
    name: 'payloads',
    isFixed: true,
    key: ['sequence'],
    columns: { sequence: 'bigint', event_id: 'text', body: 'text', uses: 'integer', trace: 'text' },
  },
  {
    name: 'deliveries',
    isFixed: true,
    key: ['sequence', 'webhook_id', 'id'],
    columns: {
      sequence: 'bigint',
      webhook_id: 'text',
      id: 'text',
      event_type: 'text',
      status: 'text',
      hop: 'integer',
      attempts: 'integer',
      tries: 'integer',
      pauses: 'integer',
      created_at: 'bigint',
      expires_at: 'bigint',
      next_attempt_at: 'bigint',
      ended_at: 'bigint',
      reason: 'text',
      attempt_log: 'text',
    },
  },
  {
    name: 'webhook_states',
    key: ['webhook_id'],
    columns: { webhook_id: 'text', state: 'text' },
    // The last good webhooks.json, which a database does not need.
    where: "webhook_id <> 'registry'",
  },
  {
    name: 'trigger_calls',
    isFixed: true,
    key: ['id'],
    columns: {
      id: 'text',
      trigger_id: 'text',
      received_at: 'bigint',
      outcome: 'text',
      run_id: 'text',
      coalesce_key: 'text',
      details: 'text',
    },
  },
  {
    name: 'trigger_keys',
    isFixed: true,
    key: ['trigger_id', 'key'],
    columns: {
      trigger_id: 'text',
      key: 'text',
      call_id: 'text',
      run_id: 'text',
      session_id: 'text',
      created_at: 'bigint',
    },
  },
  {
    name: 'trigger_states',
    key: ['trigger_id'],
    columns: { trigger_id: 'text', state: 'text' },
    // The last good triggers.json.
    where: "trigger_id <> 'registry'",
  },
  {
    name: 'file_images',
    isFixed: true,
    key: ['hash'],
    columns: { hash: 'text', content: 'text', used_at: 'bigint' },
  },
  {
    name: 'file_changes',
    key: ['id'],
    columns: {
      id: 'text',
      session_id: 'text',
      run_id: 'text',
      path: 'text',
      created_at: 'bigint',
      details: 'text',
      after: 'text',
      undo_id: 'text',
    },
    where: ofSession,
  },
  {
    name: 'undos',
    key: ['id'],
    columns: { id: 'text', session_id: 'text', created_at: 'bigint', details: 'text' },
    where: ofSession,
  },
  {
    name: 'undone_items',
    isFixed: true,
    key: ['id'],
    columns: {
      id: 'text',
      session_id: 'text',
      undo_id: 'text',
      run_id: 'text',
      role: 'text',
      created_at: 'bigint',
      content: 'text',
    },
    where: ofSession,
  },
  {
    name: 'files',
    isFixed: true,
    key: ['id'],
    columns: {
      id: 'text',
      name: 'text',
      media_type: 'text',
      size: 'bigint',
      sha256: 'text',
      created_at: 'bigint',
      data: 'bytes',
    },
  },
];

export type Value = string | number | null;

/** One row, in the order of the columns. */
export type MovedRow = readonly Value[];

/** A webhook or trigger that is moved: of webhooks.json or triggers.json, or of a run. */
export interface MovedEntry {
  readonly id: string;
  readonly runId: string | null;
  /** JSON text. */
  readonly entry: string;
}
