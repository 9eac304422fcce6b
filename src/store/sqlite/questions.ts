// Reads of what runs wait for.

import type { SQLInputValue } from 'node:sqlite';
import { takeRows } from '../page-weight.ts';
import { type Row, toQuestionRow } from '../rows.ts';
import type { QuestionStore } from '../store.ts';
import type { Reads } from './statements.ts';

export function questionStore({
  reads,
  read,
}: {
  readonly reads: Reads;
  readonly read: <T>(work: () => T) => Promise<T>;
}): QuestionStore {
  return {
    listQuestions: ({ limit, afterId = '', maxText, sessionId, runId, prefix }) =>
      read(() => {
        const conditions = ['is_answered = 0', 'substr(id, 5) > ?'];
        const values: SQLInputValue[] = [afterId.slice(4)];
        const where = (text: string, value: string | undefined): void => {
          if (value === undefined) return;
          conditions.push(text);
          values.push(value);
        };
        where('session_id = ?', sessionId);
        where('run_id = ?', runId);
        where('substr(id, 1, 3) = ?', prefix);
        const text = `SELECT * FROM questions WHERE ${conditions.join(' AND ')} ORDER BY substr(id, 5) LIMIT ?`;
        return takeRows(reads.composed(text).iterate(...values, limit), toQuestionRow, maxText);
      }),
    questionsOf: (runId) => read(() => reads.questionsOf.all(runId).map(toQuestionRow)),
    getQuestion: (id) =>
      read(() => {
        const row: Row | undefined = reads.getQuestion.get(id);
        return row === undefined ? undefined : toQuestionRow(row);
      }),
  };
}
