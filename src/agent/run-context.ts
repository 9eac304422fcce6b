// What a driver may do in a run: say, use tools, keep messages, spend. Each step is in the store before the next begins, so that a run that
// is cut off can go on from there.

import { CodeBuddyError } from '../base/errors.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { wellFormed, wellFormedDeep } from '../base/text.ts';
import type { Message } from '../contract/message.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { makeId } from '../events/ids.ts';
import type { MessageRow, Store, Write } from '../store/store.ts';
import type { DriverContext, Summary } from './driver.ts';
import { toMessage } from './history.ts';
import { type LiveRun, ownerOf, takeAlong } from './live-run.ts';
import type { GuardedFile } from './permissions/guarded-files.ts';
import type { ToolUse } from './permissions/permission-rule.ts';
import type { Permissions } from './permissions/permissions.ts';
import { patchRun } from './run-record.ts';
import { addUsage, noUsage, patchSession, type SessionMemory } from './session-memory.ts';
import { readPages } from './session-pages.ts';
import { newMessageRow } from './sessions.ts';
import { round, type Spending } from './spending.ts';
import { capText } from './tools/cap-output.ts';
import { maxResultBytes, textOfOutcome } from './tools/result-text.ts';
import type { ToolBox, ToolOutcome } from './tools/tool-box.ts';
import { type NewTurn, readTranscript, type Transcript } from './transcript.ts';

export interface RunContextOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly spending: Spending;
  readonly figures: Pick<RunFigures, 'spent'>;
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

export function createRunContext(options: RunContextOptions): (one: LiveRun) => DriverContext {
  const { store, log, tools, permissions, spending, now, defaultMode } = options;
  const { readPrompt, isLive, onWaiting, onFault, figures } = options;

  const save = (one: LiveRun): Write => patchRun(one.run, now());

  async function keep(one: LiveRun, row: MessageRow, events: readonly NewEvent[]): Promise<void> {
    await log.append([...events], [...takeAlong(one), { kind: 'addMessage', message: row }]);
  }

  function remember(one: LiveRun, patch: Partial<SessionMemory>): Write {
    one.memory = { ...one.memory, ...patch };
    return patchSession(one.run.sessionId, { memory: patch }, now());
  }

  function transcript(one: LiveRun): Promise<Transcript> {
    return readTranscript(store, one.run.sessionId, {
      after: one.memory.summary?.until,
      includes: (runId) => runId === one.run.id || runId === null || !isLive(runId),
    });
  }

  async function ownMessages(one: LiveRun): Promise<readonly Message[]> {
    const own: Message[] = [];
    for await (const rows of readPages(store, one.run.sessionId))
      own.push(...rows.filter(({ runId }) => runId === one.run.id).map((row) => toMessage(row)));
    return own;
  }

  function keepTurn(one: LiveRun, turn: NewTurn): string {
    if (turn.kind === 'answer') one.hasAnswered = true;
    const { write, id } = turnWrite(one, turn, now());
    one.along.push(write);
    return id;
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
          const saved = one.waiting++ === 0 ? changeStatus(one, 'waiting') : Promise.resolve();
          // After the commit: who is told that the run waits must find it so in the list of runs.
          void saved.then(() => one.asked.resolve(permission));
          onWait();
        },
      });
    } finally {
      if (waits && --one.waiting === 0 && !controller.signal.aborted) void changeStatus(one, 'running');
    }
  }

  /** Never rejects. */
  function changeStatus(one: LiveRun, status: 'waiting' | 'running'): Promise<void> {
    one.run = { ...one.run, status };
    if (status === 'waiting') one.clock.pause();
    else one.clock.resume();
    onWaiting(one);
    // What was said before the question must outlive a crash while it is asked.
    return store.write([...takeAlong(one), save(one)]).then(
      () => undefined,
      (error: unknown) => onFault(error, one.run.id),
    );
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
      // The transcript holds the calls of a model; those of the offline agent have no id.
      { ...ownerOf(one), role: 'tool', content, tool, sent: callId !== undefined },
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
    runId: one.run.id,
    prompt: () => readPrompt(one.run.id),
    options: one.request.options,
    signal: one.controller.signal,
    mayUseTools: one.request.mayUseTools,
    isResumed: one.isResumed,
    say: (text) => log.publish({ type: 'message.delta', data: { text }, ...ownerOf(one) }),
    sessionBeganAt: one.sessionBeganAt,
    ownMessages: () => ownMessages(one),
    transcript: () => transcript(one),
    keepTurn: (turn) => keepTurn(one, turn),
    summary: async () => one.memory.summary,
    async keepSummary(summary: Summary) {
      await store.write([remember(one, { summary })]);
    },
    tools: async () => {
      const { leftOut = [] } = one.memory;
      const all = (await tools.list()).filter(({ name }) => !leftOut.includes(name));
      return modeOf(one) === 'read-only' ? all.filter(({ readOnly }) => readOnly) : all;
    },
    async leaveOutTool(name) {
      await store.write([remember(one, { leftOut: [...(one.memory.leftOut ?? []), name] })]);
    },
    async useTool({ tool, params: given, callId, asks, onWait, textOf = textOfOutcome }) {
      const { signal } = one.controller;
      let params = given;
      const call = { tool, params: wellFormedDeep(given), ...(callId === undefined ? {} : { callId }) };
      let use: ToolUse;
      let guarded: GuardedFile | undefined;
      try {
        // A malformed call is not a question for a person.
        params = await tools.prepare(tool, given);
        use = await tools.useOf(tool, params);
        guarded = await tools.guardedFile(tool, params);
        // Files that run later need a permission also where the words are the caller's own.
        if (asks || guarded !== undefined) await allow(one, use, guarded, onWait);
        else
          permissions.assertNotDenied({ ...use, mode: modeOf(one), readOnly: await tools.isReadOnly(tool) });
      } catch (error) {
        if (!(error instanceof CodeBuddyError) || signal.aborted) throw error;
        const text = textOf({ ok: false, error });
        await keep(one, toolMessage(one, call, text, true), [refusal(one, tool, error.code, error.message)]);
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
          // A call that was cut off has no result, and so has one that failed for an internal error, which ends the run.
          if (signal.aborted || isInternal(outcome)) return [];
          const message = toolMessage(one, call, textOf(outcome), !outcome.ok);
          return [{ kind: 'addMessage', message }];
        },
      });
    },
    async refuseTool({ tool, input, callId, message }) {
      const row = toolMessage(
        one,
        { tool, params: { input: capText(wellFormed(input), 4096).text }, callId },
        capText(wellFormed(message), maxResultBytes).text,
        true,
      );
      await keep(one, row, [refusal(one, tool, 'validation_failed', message)]);
    },
    async keepText(text, model) {
      const row = newMessageRow({ ...ownerOf(one), role: 'assistant', content: text, sent: true }, now());
      await keep(one, row, [
        {
          type: 'message.assistant',
          data: { messageId: row.id, text, model },
          ...ownerOf(one),
          hop: one.hop,
        },
      ]);
    },
    async keepPartial(text, model) {
      const row = newMessageRow(
        { ...ownerOf(one), role: 'assistant', content: text, sent: true, incomplete: true },
        now(),
      );
      await keep(one, row, [
        {
          type: 'message.assistant',
          data: { messageId: row.id, text, model, incomplete: true },
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
      figures.spent(model, usage, cost);
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

function isInternal(outcome: ToolOutcome): boolean {
  return !outcome.ok && !(outcome.error instanceof CodeBuddyError);
}

/** An entry of the run's transcript, as the write that adds it. */
export function turnWrite(
  one: Pick<LiveRun, 'run'>,
  turn: NewTurn,
  now: number,
): { readonly write: Write; readonly id: string } {
  const id = makeId('trn', now);
  const { sessionId, id: runId } = one.run;
  return { id, write: { kind: 'addTurn', turn: { id, sessionId, runId, content: JSON.stringify(turn) } } };
}
