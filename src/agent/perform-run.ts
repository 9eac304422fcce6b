// The work of a run, from its turn in the queue to its end in the log.

import { isBlank, sendable } from '../base/text.ts';
import type { Span, Tracing } from '../base/tracing.ts';
import type { Run } from '../contract/run.ts';
import type { Store, Write } from '../store/store.ts';
import type { DriverContext, DriverResult } from './driver.ts';
import type { PromptParts } from './files/prompt-parts.ts';
import type { LiveRun } from './live-run.ts';
import { type AgentNode, leaseIsGood, lostRun } from './nodes/agent-node.ts';
import type { RunEndings } from './run-endings.ts';
import type { RunLimits } from './run-limits.ts';
import { patchRun } from './run-record.ts';
import { endRunSpan, nameRunSpan, startRunSpan } from './run-span.ts';
import { readSessionMemory } from './session-memory.ts';
import { agentOf } from './session-record.ts';
import { turnWrite } from './transcript.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface PerformRunOptions {
  readonly store: Pick<Store, 'getSession' | 'write'>;
  readonly spaces: Pick<Spaces, 'spaceOf'>;
  readonly promptParts: Pick<PromptParts, 'toSend'>;
  readonly endings: Pick<RunEndings, 'complete' | 'fail'>;
  readonly limits: Pick<RunLimits, 'defaultTimeoutMs'>;
  readonly tracing: Tracing;
  readonly node: AgentNode | undefined;
  readonly now: () => number;
  readonly contextOf: (live: LiveRun) => DriverContext;
  /** @throws CodeBuddyError `run_not_found` */
  readonly read: (runId: string) => Promise<Run>;
  readonly onTimeout: (live: LiveRun) => void;
  /** Called when its end is committed. */
  readonly onEnded: (live: LiveRun) => void;
}

/** Returns a function that works on a run that has its turn. It ends the run itself, and never rejects. */
export function createPerformRun({
  store,
  spaces,
  promptParts,
  endings,
  limits,
  tracing,
  node,
  now,
  contextOf,
  read,
  onTimeout,
  onEnded,
}: PerformRunOptions): (live: LiveRun) => Promise<void> {
  async function performIn(span: Span, live: LiveRun): Promise<void> {
    const { request, signal } = live;
    let end: { readonly result?: DriverResult; readonly cause?: unknown } = {};
    const startedAt = performance.now();
    live.startClock(request.options.timeoutMs ?? limits.defaultTimeoutMs, () => onTimeout(live));
    try {
      if (node !== undefined) await leaseIsGood(node, signal);
      // Read again: the session's previous run may have changed its memory.
      const session = await store.getSession(live.sessionId);
      live.begin(
        new Date(now()).toISOString(),
        session === undefined ? live.memory : readSessionMemory(session),
      );
      if (session !== undefined) nameRunSpan(span, agentOf(session));
      await recordBeginning(live);
      signal.throwIfAborted();
      const context = contextOf(live);
      const result = await respond(live, context);
      await live.keeping;
      // It was stopped after the whole answer was shown, and before the answer was kept.
      if (signal.aborted && !isBlank(result.response))
        await context.keepPartial(result.response, result.model, result.reasoning);
      signal.throwIfAborted();
      end = { result };
      await endings.complete(live, result, performance.now() - startedAt);
    } catch (error) {
      end = { cause: error };
      // The end of a run is committed after its steps. If a step failed, its error was thrown above, unless the run was
      // stopped meanwhile.
      await live.keeping?.catch(() => undefined);
      await endings.fail(live, error);
    } finally {
      endRunSpan(tracing, span, live, end);
      onEnded(live);
    }
  }

  /** The changes of an agent that changes files by itself are found by comparing the files. */
  async function respond(live: LiveRun, context: DriverContext): Promise<DriverResult> {
    const { driver, sessionId, id: runId } = live;
    if (driver.changesFiles !== true) return driver.respond(context);
    const { fileHistory } = await spaces.spaceOf(sessionId);
    const program = await fileHistory.watchProgram({ sessionId, runId, tool: 'agent' });
    try {
      return await driver.respond(context);
    } finally {
      await program.end();
    }
  }

  /** A function of its own: a run that works must not keep its prompt in memory. */
  async function recordBeginning(live: LiveRun): Promise<void> {
    const turn = await promptTurn(live);
    if (live.isLost) throw lostRun();
    await store.write([patchRun(live.record, now()), ...turn]);
  }

  /** Adds the prompt to the transcript, when its run begins. */
  async function promptTurn(live: LiveRun): Promise<readonly Write[]> {
    const { promptMessageId: messageId } = live;
    if (messageId === undefined) return [];
    const { prompt, parts = [] } = await read(live.id);
    const turn = { kind: 'prompt' as const, messageId, text: sendable(prompt) };
    const sent = parts.length === 0 ? {} : { parts: await promptParts.toSend(parts) };
    return [turnWrite(live, { ...turn, ...sent }, now()).write];
  }

  return (live) => {
    const span = startRunSpan(tracing, live, now());
    // In the trace of its own caller, not of the run that made room for it.
    return tracing.within(span, () => performIn(span, live));
  };
}
