// Compacts a session on request: a model summarizes the older part of what models read. The messages of the session
// stay, and runs of the session wait meanwhile.

import { CodeBuddyError } from '../base/errors.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import type { CompactInput, Compaction } from '../contract/compaction.ts';
import type { EventLog } from '../events/event-log.ts';
import type { SessionRow, Store } from '../store/store.ts';
import type { AgentModels } from './models/agent-models.ts';
import type { LoneWork } from './nodes/lone-work.ts';
import type { Runs } from './run-service.ts';
import { addUsage, patchSession, readSessionMemory } from './session-memory.ts';
import { agentOf, sessionNotFound } from './session-record.ts';
import { round, type Spending } from './spending.ts';
import { readTranscript } from './transcript.ts';

export interface CompactSessionOptions {
  readonly store: Pick<Store, 'getSession' | 'listMessages' | 'listTurns' | 'write'>;
  readonly log: Pick<EventLog, 'append'>;
  readonly now: () => number;
  readonly models: Pick<AgentModels, 'compact'>;
  readonly spending: Pick<Spending, 'requireRoom' | 'bookAlone'>;
  readonly figures: Pick<RunFigures, 'spent'>;
  readonly whileIdle: Runs['whileIdle'];
  readonly loneWork: LoneWork;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
}

const tooShort = 'There is nothing to summarize: the session has at most one answer.';
const notShorter = 'The summary is not shorter than what it would replace.';

/**
 * @throws CodeBuddyError `session_not_found`, `session_busy`, `not_supported_by_agent`, `validation_failed`,
 * `cost_limit_reached`, and those of the model
 */
export type CompactSession = (id: string, input: CompactInput, hop?: number) => Promise<Compaction>;

export function createCompactSession(options: CompactSessionOptions): CompactSession {
  const { store, log, now, models, spending, figures, whileIdle, loneWork, signal } = options;

  async function find(id: string): Promise<SessionRow> {
    const row = await store.getSession(id);
    if (row === undefined) throw sessionNotFound(id);
    return row;
  }

  async function compact(
    id: string,
    {
      model,
      hop,
      stillIdle,
    }: {
      readonly model: string | undefined;
      readonly hop: number;
      readonly stillIdle: () => Promise<void>;
    },
  ): Promise<Compaction> {
    const memory = readSessionMemory(await find(id));
    await spending.requireRoom(memory.cost);
    const { summary } = memory;
    const transcript = await readTranscript(store, id, { after: summary?.until, includes: () => true });
    const done = await models
      .compact({ conversation: { ...transcript, summary }, model, signal })
      .catch((error: unknown) => {
        if (!signal.aborted) throw underModel(error);
        throw new CodeBuddyError('shutting_down', 'The server stopped before the summary was written.');
      });
    if (done === undefined)
      throw notSupported(
        'The offline agent reads only prompts, and no model is configured that could write a summary.',
      );
    const { compacted, cost } = done;
    const { answer, summary: written, ...counts } = compacted;
    const usage = answer && {
      inputTokens: answer.usage.inputTokens,
      outputTokens: answer.usage.outputTokens,
      totalTokens: answer.usage.inputTokens + answer.usage.outputTokens,
    };
    const spent = { model: answer?.model ?? null, usage: usage ?? null, cost };
    const events = answer === undefined ? [] : await spending.bookAlone(cost ?? 0);
    if (answer !== undefined && usage !== undefined) figures.spent(answer.model, usage, cost);
    await stillIdle();
    // A run of another node may have begun and ended meanwhile.
    const latest = readSessionMemory(await find(id));
    const patch = {
      ...(written === undefined ? {} : { summary: written }),
      ...(usage === undefined ? {} : { usage: addUsage(latest.usage, usage) }),
      cost: round(latest.cost + (cost ?? 0)),
    };
    const told =
      written === undefined
        ? []
        : [{ type: 'session.compacted' as const, data: { ...counts, ...spent }, sessionId: id, hop }];
    if (answer !== undefined)
      await log.append([...events, ...told], [patchSession(id, { memory: patch }, now())]);
    return {
      sessionId: id,
      compacted: written !== undefined,
      reason: written !== undefined ? null : answer === undefined ? tooShort : notShorter,
      summary: written?.text ?? null,
      ...counts,
      ...spent,
    };
  }

  return async (id, { model }, hop = 0) => {
    const agent = agentOf(await find(id));
    if (agent !== builtinAgent)
      throw notSupported(`The agent ${agent} keeps and shortens its own conversation.`);
    return loneWork.take(id, () => whileIdle(id, (stillIdle) => compact(id, { model, hop, stillIdle })));
  };
}

function notSupported(why: string): CodeBuddyError {
  return new CodeBuddyError('not_supported_by_agent', `The session cannot be compacted. ${why}`);
}

/** The models report `/options/model`; in the body of this request that is `/model`. */
function underModel(error: unknown): unknown {
  if (!(error instanceof CodeBuddyError) || error.errors === undefined) return error;
  return new CodeBuddyError(error.code, error.message.replace('options.model', 'model'), {
    cause: error,
    errors: error.errors.map((one) => ({ ...one, pointer: one.pointer.replace('/options/model', '/model') })),
  });
}
