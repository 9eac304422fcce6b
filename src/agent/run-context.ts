// What a driver may do in a run: say, use tools, keep messages, spend. Each step is in the store before the next begins, so that a run that
// is cut off can go on from there.

import { CodeBuddyError } from '../errors.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import type { MessageRow, Store, Write } from '../store/store.ts';
import type { DriverContext, Summary } from './driver.ts';
import { byRun, readMessages } from './history.ts';
import { type LiveRun, ownerOf, takeAlong } from './live-run.ts';
import type { GuardedFile } from './permissions/guarded-files.ts';
import type { ToolUse } from './permissions/permission-rule.ts';
import type { Permissions } from './permissions/permissions.ts';
import { patchRun } from './run-record.ts';
import { addUsage, noUsage, patchSession, type SessionMemory } from './session-memory.ts';
import { newMessageRow } from './sessions.ts';
import { round, type Spending } from './spending.ts';
import { capText } from './tools/cap-output.ts';
import type { ToolBox, ToolOutcome } from './tools/tool-box.ts';
import type { Message, PermissionMode } from './types.ts';

export interface RunContextOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly spending: Spending;
  readonly now: () => number;
  readonly defaultMode: PermissionMode;
  /** Reads the prompt of a run from the store. */
  readonly readPrompt: (runId: string) => Promise<string>;
  /** Runs that have not ended: their messages are not part of the history of others. */
  readonly isLive: (runId: string) => boolean;
  /** A run began to wait for a person, or goes on. */
  readonly onWaiting: (one: LiveRun) => void;
  readonly onFault: (error: unknown, runId: string) => void;
}

/** Of a result that a model reads. */
const maxResultText = 65_536;

export function createRunContext(options: RunContextOptions): (one: LiveRun) => DriverContext {
  const { store, log, tools, permissions, spending, now, defaultMode } = options;
  const { readPrompt, isLive, onWaiting, onFault } = options;

  const save = (one: LiveRun): Write => patchRun(one.run, now());

  async function keep(one: LiveRun, row: MessageRow, events: readonly NewEvent[]): Promise<void> {
    one.lastMessageId = row.id;
    await log.append([...events], [...takeAlong(one), { kind: 'addMessage', message: row }]);
  }

  function remember(one: LiveRun, patch: Partial<SessionMemory>): Write {
    one.memory = { ...one.memory, ...patch };
    return patchSession(one.run.sessionId, { memory: patch }, now());
  }

  async function history(one: LiveRun): Promise<readonly Message[]> {
    const all = await readMessages(store, one.run.sessionId, one.memory.summary?.until);
    return byRun(all.filter(({ runId }) => runId === one.run.id || runId === null || !isLive(runId)));
  }

  const modeOf = ({ request }: LiveRun): PermissionMode => request.options.permissionMode ?? defaultMode;

  /** Resolves when the tool may run. */
  async function allow(
    one: LiveRun,
    use: ToolUse,
    guarded: GuardedFile | undefined,
    onWait: () => void = () => undefined,
  ): Promise<void> {
    const { controller, request, hop } = one;
    const { mayUseTools, keyId } = request;
    const { tool } = use;
    let waits = false;
    try {
      await permissions.check({
        ...ownerOf(one),
        ...use,
        hop,
        guarded,
        readOnly: await tools.isReadOnly(tool),
        mode: modeOf(one),
        isolation: await tools.isolationOf(tool),
        // A caller without the scope `tools` has only what was allowed to its own key.
        remembered: () => one.memory.allowed.filter((rule) => mayUseTools || rule.keyId === keyId),
        remember: async (rule) => {
          await store.write([remember(one, { allowed: [...one.memory.allowed, { ...rule, keyId }] })]);
        },
        signal: controller.signal,
        onWait(permission) {
          waits = true;
          if (one.waiting++ === 0) changeStatus(one, 'waiting');
          one.asked.resolve(permission);
          onWait();
        },
      });
    } finally {
      if (waits && --one.waiting === 0 && !controller.signal.aborted) changeStatus(one, 'running');
    }
  }

  function changeStatus(one: LiveRun, status: 'waiting' | 'running'): void {
    one.run = { ...one.run, status };
    if (status === 'waiting') one.clock.pause();
    else one.clock.resume();
    onWaiting(one);
    store.write([save(one)]).catch((error: unknown) => onFault(error, one.run.id));
  }

  function toolMessage(
    one: LiveRun,
    call: { tool: string; params: unknown; callId?: string },
    content: string,
    isError: boolean,
  ): MessageRow {
    const { tool: name, params, callId } = call;
    const tool = { name, params, isError, ...(callId === undefined ? {} : { callId }) };
    return newMessageRow(
      { ...ownerOf(one), role: 'tool', content: capText(content, maxResultText).text, tool },
      now(),
    );
  }

  function refusal(one: LiveRun, tool: string, code: string, message: string): NewEvent {
    const callId = makeId('evt').replace('evt_', 'call_');
    return {
      type: 'tool.error',
      data: { callId, tool, code, message, durationMs: 0 },
      ...ownerOf(one),
      hop: one.hop,
    };
  }

  return (one) => ({
    prompt: () => readPrompt(one.run.id),
    options: one.request.options,
    signal: one.controller.signal,
    mayUseTools: one.request.mayUseTools,
    isResumed: one.isResumed,
    say: (text) => log.publish({ type: 'message.delta', data: { text }, ...ownerOf(one) }),
    history: () => history(one),
    summary: async () => one.memory.summary,
    async keepSummary(summary: Summary) {
      await store.write([remember(one, { summary })]);
    },
    tools: async () => {
      const all = await tools.list();
      return modeOf(one) === 'read-only' ? all.filter(({ readOnly }) => readOnly) : all;
    },
    lastMessageId: () => one.lastMessageId,
    async useTool({ tool, params, callId, asks, onWait }) {
      const { signal } = one.controller;
      const call = { tool, params, ...(callId === undefined ? {} : { callId }) };
      let use: ToolUse;
      let guarded: GuardedFile | undefined;
      try {
        // A malformed call is not a question for a person.
        tools.validate(tool, params);
        use = await tools.useOf(tool, params);
        guarded = await tools.guardedFile(tool, params);
        // Files that run later need a permission also where the words are the caller's own.
        if (asks || guarded !== undefined) await allow(one, use, guarded, onWait);
        else
          permissions.assertNotDenied({ ...use, mode: modeOf(one), readOnly: await tools.isReadOnly(tool) });
      } catch (error) {
        if (!(error instanceof CodeBuddyError) || signal.aborted) throw error;
        await keep(one, toolMessage(one, call, error.message, true), [
          refusal(one, tool, error.code, error.message),
        ]);
        throw error;
      }
      return tools.execute(tool, params, {
        ...ownerOf(one),
        hop: one.hop,
        signal,
        use,
        ...(modeOf(one) === 'full' ? {} : { guard: { allowed: guarded?.path } }),
        alongStart: takeAlong(one),
        alongEnd(outcome) {
          const content = outcomeText(outcome);
          // A call that was cut off has no result: who resumes the run must look for itself.
          if (content === undefined || signal.aborted) return [];
          const message = toolMessage(one, call, content, !outcome.ok);
          one.lastMessageId = message.id;
          return [{ kind: 'addMessage', message }];
        },
      });
    },
    async refuseTool({ tool, input, callId, message }) {
      const row = toolMessage(
        one,
        { tool, params: { input: capText(input, 4096).text }, callId },
        message,
        true,
      );
      await keep(one, row, [refusal(one, tool, 'validation_failed', message)]);
    },
    async keepText(text, model) {
      const row = newMessageRow({ ...ownerOf(one), role: 'assistant', content: text }, now());
      await keep(one, row, [
        {
          type: 'message.assistant',
          data: { messageId: row.id, text, model },
          ...ownerOf(one),
          hop: one.hop,
        },
      ]);
    },
    async spend({ model, usage, cost }) {
      const { run, memory, request } = one;
      const runUsage = addUsage(run.usage ?? noUsage, usage);
      // What has no price is not counted; a run without any price has no cost.
      const runCost = cost === null ? run.cost : round((run.cost ?? 0) + cost);
      const sessionCost = round(memory.cost + (cost ?? 0));
      one.run = { ...run, model, usage: runUsage, cost: runCost };
      const { events, budget } = await spending.book(
        { cost: cost ?? 0, runUsage, runCost: runCost ?? 0, sessionCost },
        request.options,
      );
      const writes = [save(one), remember(one, { usage: addUsage(memory.usage, usage), cost: sessionCost })];
      one.along.push(...writes);
      if (events.length > 0) {
        await log.append(
          events.map((event) => ({ ...event, ...ownerOf(one), hop: one.hop })),
          [...takeAlong(one)],
        );
      }
      return budget;
    },
  });
}

/** Undefined for a fault of ours, which ends the run. */
function outcomeText(outcome: ToolOutcome): string | undefined {
  if (outcome.ok)
    return typeof outcome.result === 'string' ? outcome.result : JSON.stringify(outcome.result ?? null);
  return outcome.error instanceof CodeBuddyError ? outcome.error.message : undefined;
}
