// Reads of sessions, messages, turns, runs, keys and answers.

import { builtinAgent } from '../../contract/agent-names.ts';
import { takeRows } from '../page-weight.ts';
import {
  toAnswerRow,
  toKeyRow,
  toMcpServerRow,
  toMessageRow,
  toQuestionRow,
  toRunRow,
  toSessionRow,
  toTurnRow,
  toWorkspaceUse,
} from '../rows.ts';
import type { QuestionStore, RunRow, Store } from '../store.ts';
import { composed, createConditions, whereClause } from './composed.ts';
import type { Database, Row } from './database.ts';

/** Sorts after every id: where a list that goes backwards begins. */
const afterAllIds = '\u{10ffff}';
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const bytesPerUnit = 3;

type RecordReader = Pick<
  Store,
  | 'getSession'
  | 'getNamedSession'
  | 'listSessions'
  | 'listMessages'
  | 'listTurns'
  | 'countMessages'
  | 'getRun'
  | 'listRuns'
  | 'sessionsWithRuns'
  | 'sessionWorkspaces'
  | 'newestIds'
  | 'listKeys'
  | 'listMcpServers'
  | 'getAnswer'
> &
  QuestionStore;

/** PostgreSQL cannot parse JSON text with U+0000, which the metadata of a session may contain. */
export const withoutNull = String.raw`regexp_replace(details, '(?<!\\)((\\\\)*)\\u0000', '\1', 'g')`;

/** Most rows do not contain the id at all, so they are not parsed. */
function isForkOf(id: string): string {
  const source = `${withoutNull}::json #>> '{forkedFrom,sessionId}'`;
  return `CASE WHEN strpos(details, ${id}::text) > 0 THEN ${source} END = ${id}::text`;
}

/** Rows of earlier releases have no agent. */
function isOfAgent(name: string): string {
  const agent = `${withoutNull}::json ->> 'agent'`;
  return `coalesce(CASE WHEN strpos(details, '"agent"') > 0 THEN ${agent} END, '${builtinAgent}') = ${name}::text`;
}

/** Null for a session without a workspace of its own. */
const workspaceOfRow = `CASE WHEN strpos(details, '"workspace"') > 0 THEN ${withoutNull}::json ->> 'workspace' END`;

export function createRecordReader(database: Database): RecordReader {
  const read = async (text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await database.read(composed(text), values)).rows;

  /** A page in the order of ids. Rows beyond `maxText` are not sent at all. */
  async function readPage<T extends { readonly content?: string; readonly details?: string }>(
    page: string,
    values: readonly unknown[],
    { toRow, weighed, direction, order = 'id', maxText }: PageOptions<T>,
  ): Promise<readonly T[]> {
    if (maxText === undefined) return (await read(page, values)).map(toRow);
    const text = `SELECT * FROM (
        SELECT p.*, sum(octet_length(${weighed})) OVER (ORDER BY ${order} ${direction}) - octet_length(${weighed}) AS size_before
        FROM (${page}) AS p) AS q
      WHERE size_before < $${values.length + 1}::bigint ORDER BY ${order} ${direction}`;
    return takeRows(await read(text, [...values, maxText * bytesPerUnit]), toRow, maxText);
  }

  async function listRuns({
    limit,
    beforeId = afterAllIds,
    sessionId,
    statuses,
    maxText,
  }: Parameters<Store['listRuns']>[0]): Promise<readonly RunRow[]> {
    if (statuses?.length === 0) return [];
    const { texts: conditions, list, add, where } = createConditions();
    const order = `ORDER BY id DESC LIMIT ${add(limit)}`;
    where('id < ?', beforeId);
    where('session_id = ?', sessionId);
    let page: string;
    if (statuses === undefined) page = `SELECT * FROM runs${whereClause(conditions)} ${order}`;
    else {
      const wanted = add([...new Set(statuses)]);
      if (sessionId !== undefined) {
        // The expression keeps the planner on the index of the session, which gives the order.
        conditions.push(`(status || '') = ANY(${wanted}::text[])`);
        page = `SELECT * FROM runs${whereClause(conditions)} ${order}`;
      } else {
        // One limited index scan for each status, merged. `ANY` would sort all runs of these statuses.
        const walk = `SELECT id FROM runs${whereClause([...conditions, 'status = s.status'])} ${order}`;
        page = `SELECT r.* FROM (SELECT w.id FROM unnest(${wanted}::text[]) AS s(status), LATERAL (${walk}) AS w ${order}) AS n
          JOIN runs r USING (id) ORDER BY id DESC`;
      }
    }
    return readPage(page, list, { toRow: toRunRow, weighed: 'details', direction: 'DESC', maxText });
  }

  return {
    async getSession(id) {
      const [row] = await read('SELECT * FROM sessions WHERE id = $1 AND draft_of IS NULL', [id]);
      return optional(row, toSessionRow);
    },
    async getNamedSession(name) {
      const text =
        'SELECT s.* FROM session_names n JOIN sessions s ON s.id = n.session_id WHERE n.name = $1 AND s.draft_of IS NULL';
      const [row] = await read(text, [name]);
      return optional(row, toSessionRow);
    },
    listSessions({
      limit,
      beforeId = afterAllIds,
      maxText,
      title,
      forkedFrom,
      origin,
      agent,
      workspace,
      archived,
    }) {
      const { texts: conditions, list, add, where } = createConditions();
      where('coalesce(place, id) < ?', beforeId);
      conditions.push('draft_of IS NULL');
      if (archived !== undefined) conditions.push(`is_archived = ${Number(archived)}`);
      where('strpos(lower(title), ?::text) > 0', title?.toLowerCase());
      if (forkedFrom !== undefined) conditions.push(isForkOf(add(forkedFrom)));
      if (origin !== undefined)
        conditions.push(`coalesce(${withoutNull}::json ->> 'origin', 'rest') = ${add(origin)}`);
      if (agent !== undefined) conditions.push(isOfAgent(add(agent)));
      if (workspace !== undefined) conditions.push(`${workspaceOfRow} = ${add(workspace)}::text`);
      const page = `SELECT * FROM sessions${whereClause(conditions)} ORDER BY coalesce(place, id) DESC LIMIT ${add(limit)}`;
      return readPage(page, list, {
        toRow: toSessionRow,
        weighed: 'details',
        direction: 'DESC',
        order: 'coalesce(place, id)',
        maxText,
      });
    },
    listMessages: (sessionId, { limit, afterId, maxText, order }) => {
      const [direction, after, from] =
        order === 'desc' ? (['DESC', '<', afterAllIds] as const) : (['ASC', '>', ''] as const);
      return readPage(
        `SELECT * FROM messages WHERE session_id = $1 AND id ${after} $2 ORDER BY id ${direction} LIMIT $3`,
        [sessionId, afterId ?? from, limit],
        { toRow: toMessageRow, weighed: 'content', direction, maxText },
      );
    },
    listTurns: (sessionId, { limit, afterId = '', maxText }) =>
      readPage(
        'SELECT * FROM turns WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3',
        [sessionId, afterId, limit],
        { toRow: toTurnRow, weighed: 'content', direction: 'ASC', maxText },
      ),
    async countMessages(sessionIds) {
      const counts = new Map(sessionIds.map((id) => [id, 0]));
      const text =
        'SELECT session_id, count(*) AS rows FROM messages WHERE session_id = ANY($1::text[]) GROUP BY session_id';
      for (const row of await read(text, [[...counts.keys()]]))
        counts.set(row.session_id as string, row.rows as number);
      return counts;
    },
    async getRun(id) {
      const [row] = await read('SELECT * FROM runs WHERE id = $1', [id]);
      return optional(row, toRunRow);
    },
    listRuns,
    async sessionsWithRuns(sessionIds, statuses) {
      if (sessionIds.length === 0) return new Set();
      const text = `SELECT DISTINCT session_id FROM runs WHERE session_id = ANY($1::text[]) AND status = ANY($2::text[])`;
      return new Set((await read(text, [sessionIds, statuses])).map((row) => String(row.session_id)));
    },
    async sessionWorkspaces(limit) {
      const text = `SELECT ${workspaceOfRow} AS workspace, count(*)::int AS sessions, max(id) AS latest FROM sessions
        WHERE draft_of IS NULL GROUP BY 1 ORDER BY max(updated_at) DESC LIMIT $1`;
      return (await read(text, [limit])).map(toWorkspaceUse);
    },
    async newestIds() {
      const tables = [
        'sessions',
        'runs',
        'messages',
        'deliveries',
        'keys',
        'trigger_calls',
        'file_changes',
        'undos',
        'undone_items',
      ];
      const rows = await read(
        tables
          .map(
            (table) =>
              `SELECT max(${table === 'sessions' ? 'coalesce(place, id)' : 'id'}) AS id FROM ${table}`,
          )
          .join(' UNION ALL '),
      );
      return rows.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
    },
    listMcpServers: async () => (await read('SELECT * FROM mcp_servers ORDER BY name')).map(toMcpServerRow),
    listKeys: async () => (await read('SELECT * FROM keys ORDER BY id')).map(toKeyRow),
    async listQuestions({ limit, afterId = '', sessionId, runId, prefix, maxText }) {
      const { texts: conditions, list, add, where } = createConditions();
      conditions.push('is_answered = 0');
      where('substr(id, 5) COLLATE "C" > ?', afterId.slice(4));
      where('session_id = ?', sessionId);
      where('run_id = ?', runId);
      where('substr(id, 1, 3) = ?', prefix);
      const text = `SELECT * FROM questions${whereClause(conditions)} ORDER BY substr(id, 5) COLLATE "C" LIMIT ${add(limit)}`;
      return takeRows(await read(text, list), toQuestionRow, maxText);
    },
    async questionsOf(runId) {
      const text = 'SELECT * FROM questions WHERE run_id = $1 ORDER BY substr(id, 5) COLLATE "C"';
      return (await read(text, [runId])).map(toQuestionRow);
    },
    async getQuestion(id) {
      return optional((await read('SELECT * FROM questions WHERE id = $1', [id]))[0], toQuestionRow);
    },
    async getAnswer(key) {
      const [row] = await read('SELECT * FROM answers WHERE key = $1', [key]);
      return optional(row, toAnswerRow);
    },
  };
}

interface PageOptions<T> {
  readonly toRow: (row: Row) => T;
  /** The column with the text of a row. */
  readonly weighed: string;
  readonly direction: 'ASC' | 'DESC';
  /** The column, or expression, that gives the order. @default 'id' */
  readonly order?: string;
  readonly maxText: number | undefined;
}

function optional<T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}
