// The interface of a run to its driver: stream text, use tools, store messages, book costs. Each step is in the store
// before the next one shows text or changes anything, so an interrupted run can continue from there.

import { CodeBuddyError } from '../base/errors.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { isBlank, wellFormed, wellFormedDeep } from '../base/text.ts';
import type { Message } from '../contract/message.ts';
import type { Permission } from '../contract/permission.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import type { MessageRow, Store, Write } from '../store/store.ts';
import type { DriverContext, EncodeOutcome, KeptOutcome, Summary } from './driver.ts';
import { createForeignContexts, type JudgedCall } from './foreign-context.ts';
import type { LiveRun } from './live-run.ts';
import { type NewMessage, newMessageRow, toMessage } from './message-record.ts';
import { type AgentNode, leaseIsGood, lostRun } from './nodes/agent-node.ts';
import type { GuardedFile } from './permissions/guarded-files.ts';
import type { ToolUse } from './permissions/permission-rule.ts';
import type { Permissions } from './permissions/permissions.ts';
import { patchRun, questionWrite } from './run-record.ts';
import {
  addUsage,
  noUsage,
  patchSession,
  type RememberedRule,
  type SessionMemory,
} from './session-memory.ts';
import { readPages } from './session-pages.ts';
import { round, type Spending } from './spending.ts';
import { newCallId } from './tools/call-events.ts';
import { capText } from './tools/cap-output.ts';
import { textOfOutcome } from './tools/result-text.ts';
import type { ToolOutcome } from './tools/tool.ts';
import type { PreparedCall, ToolBox } from './tools/tool-box.ts';
import { type NewTurn, readTranscript, type Transcript, turnWrite } from './transcript.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface DriverContextOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly spending: Spending;
  readonly figures: Pick<RunFigures, 'spent'>;
  readonly spaces: Pick<Spaces, 'workspaceOf'>;
  readonly now: () => number;
  readonly defaultMode: PermissionMode;
  /** Reads the prompt of a run from the store. */
  readonly readPrompt: (runId: string) => Promise<string>;
  /** True for a run that has not ended: its messages are not part of the history of other runs. */
  readonly isLive: (runId: string) => boolean;
  /** The runs of a session on other nodes that have not ended. */
  readonly liveElsewhere: ((sessionId: string) => Promise<ReadonlySet<string>>) | undefined;
  /** Called when a run begins or stops waiting for approval. */
  readonly onWaitingChange: (run: LiveRun) => void;
  /** Called for internal errors; details must not reach clients. */
  readonly onFault: (error: unknown, runId: string) => void;
  /** Present if other nodes work on the store. */
  readonly node: AgentNode | undefined;
}

/** A tool call as it is stored in its message. */
interface ShownCall {
  readonly tool: string;
  readonly params: unknown;
  readonly callId?: string;
}

/** The use that a permission was given for. */
interface Permit {
  readonly use?: ToolUse;
  readonly guarded?: GuardedFile | undefined;
}

export function createDriverContexts(options: DriverContextOptions): (run: LiveRun) => DriverContext {
  const { store, log, tools, permissions, spending, now, defaultMode } = options;
  const { readPrompt, isLive, liveElsewhere, onWaitingChange, onFault, figures, node } = options;

  const save = (run: LiveRun): Write => patchRun(run.record, now());
  const modeOf = ({ request }: LiveRun): PermissionMode => request.options.permissionMode ?? defaultMode;

  /** Nothing of a lost run is written: see nodes/guarded-log.ts. */
  async function write(run: LiveRun, writes: readonly Write[]): Promise<void> {
    if (run.isLost) throw lostRun();
    await store.write(writes);
  }

  /** With several nodes, the log may commit an append before an earlier one: see `beforeAppend`. */
  async function keepOrder(run: LiveRun): Promise<void> {
    if (node !== undefined) await run.keeping;
  }

  async function keep(run: LiveRun, row: MessageRow, event: NewEvent): Promise<void> {
    await log.append(
      [{ ...event, ...run.owner, hop: run.hop }],
      [...run.takePendingWrites(), { kind: 'addMessage', message: row }],
    );
  }

  function remember(run: LiveRun, patch: Partial<SessionMemory>): Write {
    run.remember(patch);
    return patchSession(run.sessionId, { memory: patch }, now());
  }

  async function transcript(run: LiveRun): Promise<Transcript> {
    const elsewhere = await liveElsewhere?.(run.sessionId);
    return readTranscript(store, run.sessionId, {
      after: run.memory.summary?.until,
      includes: (runId) => runId === run.id || runId === null || !(isLive(runId) || elsewhere?.has(runId)),
    });
  }

  async function ownMessages(run: LiveRun): Promise<readonly Message[]> {
    const own: Message[] = [];
    for await (const rows of readPages(store, run.sessionId))
      own.push(...rows.filter(({ runId }) => runId === run.id).map((row) => toMessage(row)));
    return own;
  }

  function keepTurn(run: LiveRun, turn: NewTurn): string {
    if (turn.kind === 'answer') run.answered();
    const { write, id } = turnWrite(run, turn, now());
    run.writeLater(write);
    return id;
  }

  /** Resolves when the call may run. @throws CodeBuddyError `permission_denied` */
  async function permit(
    run: LiveRun,
    call: PreparedCall,
    {
      callId,
      asks,
      onWait,
    }: { readonly callId: string; readonly asks: boolean; readonly onWait: (() => void) | undefined },
  ): Promise<Permit> {
    // To resolve a path takes two turns of the thread pool, up to 0.4 ms a step.
    if (permissions.ignoresTarget(call)) return {};
    const mode = modeOf(run);
    // The events that lead to a question must be in the log before it.
    const [use] = await Promise.all([tools.useOf(call), run.keeping]);
    // Files that run later need a permission in every mode but `full`, even if the caller itself asked for the call.
    const guarded = mode === 'full' ? undefined : await tools.guardedFile(call, use);
    if (asks || guarded !== undefined) {
      const isolation = await tools.isolationOf(call.tool, run.sessionId);
      await ask(run, { callId, use, readOnly: call.readOnly, guarded, isolation }, onWait);
    } else permissions.assertNotDenied({ ...use, mode, readOnly: call.readOnly });
    return { use, guarded };
  }

  /** A caller without the scope `tools` may use only the rules remembered for its own key. */
  function rememberedIn({ memory, request: { mayUseTools, keyId } }: LiveRun): readonly RememberedRule[] {
    return memory.allowed.filter((rule) => mayUseTools || rule.keyId === keyId);
  }

  async function ask(run: LiveRun, { use, ...judged }: JudgedCall, onWait?: () => void): Promise<void> {
    let asked: Permission | undefined;
    try {
      await permissions.check({
        ...run.owner,
        ...use,
        ...judged,
        hop: run.hop,
        mode: modeOf(run),
        remembered: () => rememberedIn(run),
        remember: async (rule) => {
          await write(run, [
            remember(run, { allowed: [...run.memory.allowed, { ...rule, keyId: run.request.keyId }] }),
          ]);
        },
        signal: run.signal,
        // In the commit of the event, so that a reader who sees the event also sees the run's status.
        beginWait(permission) {
          asked = permission;
          return questionChanged(run, run.questionAsked(), questionWrite(permission));
        },
        endWait({ id }) {
          if (asked === undefined) return [];
          asked = undefined;
          return questionChanged(run, run.questionSettled(), { kind: 'deleteQuestions', runId: run.id, id });
        },
        onAsked(permission) {
          run.tellAsked(permission);
          onWait?.();
        },
      });
    } finally {
      // The question could not be written, or the run has ended.
      if (asked !== undefined) {
        const worksAgain = run.questionSettled();
        // The end of the run removes its questions.
        if (worksAgain || (node !== undefined && !run.signal.aborted))
          write(
            run,
            questionChanged(run, worksAgain, { kind: 'deleteQuestions', runId: run.id, id: asked.id }),
          ).catch((error: unknown) => onFault(error, run.id));
      }
    }
  }

  /**
   * The writes of the steps before a question must survive a crash while it is open. With several nodes, the store
   * has the open questions, so that every node can list them.
   */
  function questionChanged(run: LiveRun, waitingHasChanged: boolean, question: Write): readonly Write[] {
    if (waitingHasChanged) onWaitingChange(run);
    if (node === undefined) return waitingHasChanged ? [...run.takePendingWrites(), save(run)] : [];
    return [...run.takePendingWrites(), patchRun(run.record, now()), question];
  }

  function toolMessage(
    run: LiveRun,
    call: ShownCall,
    content: string,
    end: { readonly isError: boolean; readonly durationMs: number },
  ): MessageRow {
    const { tool: name, params, callId } = call;
    const tool = { name, params, ...end, ...(callId === undefined ? {} : { callId }) };
    return newMessageRow(
      // The transcript holds the calls of a model; those of the offline agent have no id.
      { ...run.owner, role: 'tool', content, tool, sent: callId !== undefined },
      now(),
    );
  }

  function answerRow(
    run: LiveRun,
    answer: Pick<NewMessage, 'content' | 'reasoning' | 'incomplete'>,
  ): MessageRow {
    return newMessageRow({ ...run.owner, ...answer, role: 'assistant', sent: true }, now());
  }

  /** Stores a call that was not run. `callId` is its id in the log. */
  async function refuse(
    run: LiveRun,
    call: ShownCall,
    error: CodeBuddyError,
    { encode, callId }: { readonly encode: EncodeOutcome; readonly callId: string },
  ): Promise<KeptOutcome> {
    const outcome = { ok: false as const, error };
    const text = encode(outcome);
    await keepOrder(run);
    const message = toolMessage(run, call, text, { isError: true, durationMs: 0 });
    await keep(run, message, {
      type: 'tool.error',
      data: {
        callId,
        tool: call.tool,
        code: error.code,
        message: wellFormed(error.message),
        durationMs: 0,
        messageId: message.id,
      },
    });
    return { ...outcome, text };
  }

  const foreignOf = createForeignContexts({
    log,
    tools,
    now,
    node,
    modeOf,
    writeNow: write,
    remember,
    ask,
    permissions,
    rememberedIn,
  });

  return (run) => ({
    runId: run.id,
    workspace: () => options.spaces.workspaceOf(run.sessionId),
    foreign: foreignOf(run),
    prompt: () => readPrompt(run.id),
    options: run.request.options,
    signal: run.signal,
    mayUseTools: run.request.mayUseTools,
    isResumed: run.isResumed,
    keeping: () => run.keeping,
    ready: async () => {
      if (node !== undefined) await leaseIsGood(node, run.signal);
    },
    say: (text) => log.publish({ type: 'message.delta', data: { text }, ...run.owner }),
    reason: (text) => log.publish({ type: 'reasoning.delta', data: { text }, ...run.owner }),
    sessionBeganAt: run.sessionBeganAt,
    ownMessages: () => ownMessages(run),
    transcript: () => transcript(run),
    keepTurn: (turn) => keepTurn(run, turn),
    summary: async () => run.memory.summary,
    async keepSummary(summary: Summary) {
      await write(run, [remember(run, { summary })]);
    },
    tools: async () => {
      const { leftOut = [] } = run.memory;
      const all = (await tools.list(run.sessionId)).filter(({ name }) => !leftOut.includes(name));
      return modeOf(run) === 'read-only' ? all.filter(({ readOnly }) => readOnly) : all;
    },
    async leaveOutTool(name) {
      await write(run, [remember(run, { leftOut: [...(run.memory.leftOut ?? []), name] })]);
    },
    async useTool({
      tool,
      params,
      callId,
      asks,
      isOneOfSeveral = false,
      keepLater = false,
      onWait,
      encode = textOfOutcome,
    }) {
      const { signal } = run;
      const shown = { tool, params: wellFormedDeep(params), ...(callId === undefined ? {} : { callId }) };
      const loggedId = newCallId();
      let call: PreparedCall;
      let permitted: Permit;
      await keepOrder(run);
      try {
        // Checked first, so that no person is asked about a malformed call.
        call = await tools.prepare(tool, params, run.sessionId);
        permitted = await permit(run, call, { callId: loggedId, asks, onWait });
      } catch (error) {
        if (!(error instanceof CodeBuddyError) || signal.aborted) throw error;
        return refuse(run, shown, error, { encode, callId: loggedId });
      }
      if (node !== undefined) await leaseIsGood(node, signal);
      let text = '';
      const outcome = await tools.run(call, {
        ...run.owner,
        callId: loggedId,
        hop: run.hop,
        signal,
        use: permitted.use,
        ...(modeOf(run) === 'full' ? {} : { guard: { allowed: permitted.guarded?.path } }),
        isOneOfSeveral,
        before: run.keeping,
        ...(keepLater ? { onEnding: (commit: Promise<unknown>) => run.keepLater(commit) } : {}),
        alongStart: () => run.takePendingWrites(),
        alongEnd(ending, durationMs) {
          if (signal.aborted || isInternal(ending)) return [];
          text = encode(ending);
          const message = toolMessage(run, shown, text, { isError: !ending.ok, durationMs });
          return [{ kind: 'addMessage', message }];
        },
      });
      // An interrupted call has no result. One that failed for an internal error ends the run.
      if (!outcome.ok && (signal.aborted || isInternal(outcome))) throw outcome.error;
      return { ...outcome, text };
    },
    refuseTool({ tool, input, callId, reason, encode }) {
      const params = { input: capText(wellFormed(input), 4096).text };
      const error = new CodeBuddyError('validation_failed', reason);
      return refuse(run, { tool, params, callId }, error, { encode, callId: newCallId() });
    },
    keepText(text, model, reasoning) {
      const row = answerRow(run, { content: text, reasoning });
      if (isBlank(text)) run.writeLater({ kind: 'addMessage', message: row });
      else
        run.keepLater(
          keep(run, row, { type: 'message.assistant', data: { messageId: row.id, text, model } }),
        );
    },
    async keepPartial(text, model, reasoning) {
      const row = answerRow(run, { content: text, reasoning, incomplete: true });
      if (isBlank(text)) return run.writeLater({ kind: 'addMessage', message: row });
      await keep(run, row, {
        type: 'message.assistant',
        data: { messageId: row.id, text, model, incomplete: true },
      });
    },
    async spend({ model, usage, cost }) {
      const { record, memory, request } = run;
      const runUsage = addUsage(record.usage ?? noUsage, usage);
      // Calls without a price are not counted; a run without any price has no cost.
      const runCost = cost === null ? record.cost : round((record.cost ?? 0) + cost);
      const sessionCost = round(memory.cost + (cost ?? 0));
      run.spent({ model, usage: runUsage, cost: runCost });
      figures.spent(model, usage, cost);
      const { events, budget } = await spending.book(
        { cost: cost ?? 0, runUsage, runCost: runCost ?? 0, sessionCost },
        request.options,
      );
      run.writeLater(save(run), remember(run, { usage: addUsage(memory.usage, usage), cost: sessionCost }));
      if (events.length > 0) {
        await log.append(
          events.map((event) => ({ ...event, ...run.owner, hop: run.hop })),
          run.takePendingWrites(),
        );
      }
      return budget;
    },
  });
}

function isInternal(outcome: ToolOutcome): boolean {
  return !outcome.ok && !(outcome.error instanceof CodeBuddyError);
}
