// Waits for a run: until it ends, needs a permission, or has taken too long for a client that waits for a tool.

import type { CallToolResult } from '@modelcontextprotocol/server';
import { CodeBuddyError } from '../base/errors.ts';
import { runEndEvents } from '../contract/event-catalogue.ts';
import type { Permission } from '../contract/permission.ts';
import type { Question } from '../contract/question.ts';
import type { Run } from '../contract/run.ts';
import type { McpServices, RunItem } from './services.ts';
import { textResult } from './tool-results.ts';

export interface WaitOptions {
  /** The sequence number after which the events are read: none of the run's end may be before it. */
  readonly after: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Called with the type of each event before the end of the wait. */
  readonly progress: ((message: string) => void) | undefined;
}

const ends: ReadonlySet<string> = new Set(runEndEvents);
const asks: ReadonlySet<string> = new Set(['permission.request', 'question.asked', 'tool.request']);

/** Returns the run as it is after the wait. @throws CodeBuddyError `run_not_found` */
export async function waitForRun(
  { runs, events }: McpServices,
  id: string,
  { after, patienceMs, signal, progress }: WaitOptions,
): Promise<Run> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), patienceMs);
  try {
    const items = events.subscribeInBatches({
      runId: id,
      after,
      signal: AbortSignal.any([signal, limit.signal]),
    });
    // The end may be older than `after`.
    const before = await runs.get(id);
    if (before !== undefined && !isOver(before)) {
      for await (const batch of items) {
        if (batch.some(endsWait)) break;
        for (const item of batch) if (item.kind === 'event') progress?.(item.event.type);
      }
    }
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
  const run = await runs.get(id);
  if (run === undefined) throw new CodeBuddyError('run_not_found', `Run "${id}" not found.`);
  return run;
}

/** The run as the result of a tool. A failed run is a failed call. */
export async function runResult(run: Run, { permissions, inbox }: McpServices): Promise<CallToolResult> {
  const { id: runId, sessionId, status, error } = run;
  const facts = { runId, sessionId, status };
  switch (status) {
    case 'completed': {
      const { response, model, usage, cost, finishReason } = run;
      return textResult(response ?? '', { ...facts, response, model, usage, cost, finishReason });
    }
    case 'waiting': {
      const { items } = await permissions.list({ runId, limit: 50 });
      const asked = (await inbox.list({ runId, kind: 'question', limit: 50 })).items;
      const questions = asked.flatMap((item) => (item.kind === 'question' ? [item.question] : []));
      if (questions.length > 0) return textResult(questionText(runId, questions), { ...facts, questions });
      return textResult(waitingText(runId, items), { ...facts, permissions: items });
    }
    case 'queued':
    case 'running':
      return textResult(
        `The run ${runId} has not ended yet. Get its result with run_result, or stop it with run_cancel.`,
        facts,
      );
    default: {
      const reason = error === null ? `The run was ${status}.` : `${error.message} (${error.code})`;
      const hint = status === 'cancelled' ? '' : ` The run ${runId} can be resumed.`;
      return { ...textResult(`${reason}${hint}`, { ...facts, error }), isError: true };
    }
  }
}

function waitingText(runId: string, pending: readonly Permission[]): string {
  const calls = pending.map(
    ({ id, tool, params, reason }) => `${id}: ${tool} ${JSON.stringify(params)} (${reason})`,
  );
  return [
    `The run ${runId} waits for a permission. Ask the user, then answer with permission_decide; the run continues, and run_result waits for its end.`,
    ...calls,
  ].join('\n');
}

function questionText(runId: string, pending: readonly Question[]): string {
  const asked = pending.map(({ id, question, choices }) =>
    choices.length === 0 ? `${id}: ${question}` : `${id}: ${question} (${choices.join(' | ')})`,
  );
  return [
    `The run ${runId} waits for an answer. Ask the user, then answer with question_answer; the run continues, and run_result waits for its end.`,
    ...asked,
  ].join('\n');
}

function isOver({ status }: Run): boolean {
  return status !== 'queued' && status !== 'running';
}

function endsWait(item: RunItem): boolean {
  return item.kind === 'event' && (ends.has(item.event.type) || asks.has(item.event.type));
}
