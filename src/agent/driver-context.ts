// The interface of a run to its driver: stream text, use tools, store messages, book costs. Each step is in the store
// before the next one shows text or changes anything, so an interrupted run can continue from there.
//
// Over 400 lines: permission, wait, call and message of one tool call share the run and its commits.

import { CodeBuddyError } from '../base/errors.ts';
import type { RunFigures } from '../base/run-figures.ts';
import { isBlank, wellFormed, wellFormedDeep } from '../base/text.ts';
import { contentOf } from '../contract/inbox.ts';
import type { Message } from '../contract/message.ts';
import type { Part } from '../contract/part.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import type { FileRow } from '../store/file-store.ts';
import type { MessageRow, Store, Write } from '../store/store.ts';
import type { DriverContext, EncodeOutcome, KeptOutcome, LoadedImage, Summary } from './driver.ts';
import { type Files, newFileRow } from './files/files.ts';
import { partOf } from './files/prompt-parts.ts';
import { createForeignContexts, type JudgedCall } from './foreign-context.ts';
import { type AnswerTime, answerTimeOf } from './inbox/answer-time.ts';
import type { OpenItem } from './inbox/open-item.ts';
import { listRunTools, prepareRunTool, waitForAnswer } from './inbox/run-tools.ts';
import type { WaitHooks, WaitingRoom } from './inbox/waiting-room.ts';
import type { LiveRun } from './live-run.ts';
import { type NewMessage, newMessageRow, toMessage } from './message-record.ts';
import { type AgentNode, leaseIsGood, lostRun } from './nodes/agent-node.ts';
import { readOwnSteers } from './own-steers.ts';
import type { GuardedFile } from './permissions/guarded-files.ts';
import type { ToolUse } from './permissions/permission-rule.ts';
import type { Permissions } from './permissions/permissions.ts';
import { patchRun } from './run-record.ts';
import {
  addUsage,
  noUsage,
  patchSession,
  type RememberedRule,
  type SessionMemory,
} from './session-memory.ts';
import { readPages } from './session-pages.ts';
import { round, type Spending } from './spending.ts';
import type { Steer } from './steer-queue.ts';
import { newCallId } from './tools/call-events.ts';
import { capText } from './tools/cap-output.ts';
import { textOfOutcome } from './tools/result-text.ts';
import type { ToolOutcome } from './tools/tool.ts';
import type { PreparedCall, ToolBox } from './tools/tool-box.ts';
import { type NewTurn, readTranscript, type SentInput, type Transcript, turnWrite } from './transcript.ts';
import type { Spaces } from './workspaces/spaces.ts';

export interface DriverContextOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly room: WaitingRoom;
  /** Of prompts that set none. */
  readonly answerTime: AnswerTime;
  readonly spending: Spending;
  readonly figures: Pick<RunFigures, 'spent'>;
  readonly spaces: Pick<Spaces, 'workspaceOf'>;
  readonly now: () => number;
  readonly defaultMode: PermissionMode;
  /** Reads the prompt of a run from the store. */
  readonly readPrompt: (runId: string) => Promise<string>;
  /** Reads the parts of a run's prompt, as they are sent. */
  readonly readParts: (runId: string) => Promise<readonly SentInput[]>;
  readonly files: Pick<Files, 'read'>;
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

/** What a call waited for in an earlier process, and its place in the run. */
interface AskedAgain {
  readonly place?: string | undefined;
  readonly reopened?: OpenItem | undefined;
}

/** The use that a permission was given for. */
interface Permit {
  readonly use?: ToolUse;
  readonly guarded?: GuardedFile | undefined;
}

export function createDriverContexts(options: DriverContextOptions): (run: LiveRun) => DriverContext {
  const { store, log, tools, permissions, room, answerTime, spending, now, defaultMode } = options;
  const { readPrompt, readParts, files, isLive, liveElsewhere, onWaitingChange, onFault, figures, node } =
    options;

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
    const elsewhere = new Set<string>();
    const addLive = async (): Promise<void> => {
      for (const id of (await liveElsewhere?.(run.sessionId)) ?? []) elsewhere.add(id);
    };
    await addLive();
    return readTranscript(store, run.sessionId, {
      after: run.memory.summary?.until,
      waitingOf: run.id,
      // Another node may queue a prompt while this one reads; it is no part of this run.
      whenRead: addLive,
      includes: (runId) => runId === run.id || runId === null || !(isLive(runId) || elsewhere.has(runId)),
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
      ...again
    }: AskedAgain & {
      readonly callId: string;
      readonly asks: boolean;
      readonly onWait: (() => void) | undefined;
    },
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
      await ask(run, { callId, use, readOnly: call.readOnly, guarded, isolation, ...again }, onWait);
    } else permissions.assertNotDenied({ ...use, mode, readOnly: call.readOnly });
    return { use, guarded };
  }

  /** Waits for the answer to a question, or for the result of a tool of the caller. */
  async function waitForOwn(
    run: LiveRun,
    call: PreparedCall,
    {
      callId,
      onWait,
      place,
      reopened,
    }: AskedAgain & { readonly callId: string; readonly onWait: (() => void) | undefined },
  ): Promise<() => Promise<unknown>> {
    // The events that lead to a question must be in the log before it.
    await run.keeping;
    const request = {
      ...answerTimeOf(run.request.options, answerTime),
      ...run.owner,
      callId,
      place,
      reopened,
      hop: run.hop,
    };
    return waiting(run, onWait, (hooks) => waitForAnswer(room, call, { ...hooks, ...request }, now));
  }

  /** A caller without the scope `tools` may use only the rules remembered for its own key. */
  function rememberedIn({ memory, request: { mayUseTools, keyId } }: LiveRun): readonly RememberedRule[] {
    return memory.allowed.filter((rule) => mayUseTools || rule.keyId === keyId);
  }

  async function ask(
    run: LiveRun,
    { use, place, reopened, ...judged }: JudgedCall & AskedAgain,
    onWait?: () => void,
  ): Promise<void> {
    await waiting(run, onWait, (hooks) =>
      permissions.check({
        ...hooks,
        ...answerTimeOf(run.request.options, answerTime),
        ...run.owner,
        ...use,
        ...judged,
        place,
        reopened,
        hop: run.hop,
        mode: modeOf(run),
        remembered: () => rememberedIn(run),
        remember: async (rule) => {
          await write(run, [
            remember(run, { allowed: [...run.memory.allowed, { ...rule, keyId: run.request.keyId }] }),
          ]);
        },
      }),
    );
  }

  /** Does `work`, which may wait in the waiting room, and keeps the status of the run. */
  async function waiting<T>(
    run: LiveRun,
    onWait: (() => void) | undefined,
    work: (hooks: WaitHooks) => Promise<T>,
  ): Promise<T> {
    let asked: OpenItem | undefined;
    try {
      return await work({
        signal: run.signal,
        isLeft: () => run.isLeft || run.isLost,
        // In the commit of the event, so that a reader who sees the event also sees the run's status.
        beginWait(open, question) {
          asked = open;
          run.noteOpen(open);
          return questionChanged(run, run.questionAsked(), question);
        },
        endWait(question) {
          if (asked === undefined) return [];
          run.noteSettled(asked);
          asked = undefined;
          return questionChanged(run, run.questionSettled(), question);
        },
        onAsked(item) {
          run.tellAsked(item);
          onWait?.();
        },
      });
    } finally {
      // The question could not be written, or the run has ended.
      if (asked !== undefined) {
        const { id } = contentOf(asked.item);
        run.noteSettled(asked);
        const worksAgain = run.questionSettled();
        // The end of the run removes its questions.
        if (!run.signal.aborted)
          write(run, questionChanged(run, worksAgain, { kind: 'deleteQuestions', runId: run.id, id })).catch(
            (error: unknown) => onFault(error, run.id),
          );
      }
    }
  }

  /** The writes of the steps before a question must survive a crash while it is open. */
  function questionChanged(run: LiveRun, waitingHasChanged: boolean, question: Write): readonly Write[] {
    if (waitingHasChanged) onWaitingChange(run);
    return [...run.takePendingWrites(), patchRun(run.record, now()), question];
  }

  function toolMessage(
    run: LiveRun,
    call: ShownCall,
    content: string,
    {
      parts,
      ...end
    }: { readonly isError: boolean; readonly durationMs: number; readonly parts?: readonly Part[] },
  ): MessageRow {
    const { tool: name, params, callId } = call;
    const tool = { name, params, ...end, ...(callId === undefined ? {} : { callId }) };
    return newMessageRow(
      // The transcript holds the calls of a model; those of the offline agent have no id.
      { ...run.owner, role: 'tool', content, tool, parts: parts ?? [], sent: callId !== undefined },
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

  async function tellSteered(run: LiveRun, taken: readonly Steer[]): Promise<void> {
    await keepOrder(run);
    const { step } = run.record;
    await log.append(
      taken.map(({ messageId }) => ({
        type: 'run.steered' as const,
        data: { messageId, step: step ?? 0 },
        ...run.owner,
        hop: run.hop,
      })),
      [...run.takePendingWrites(), save(run)],
    );
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
    promptParts: () => readParts(run.id),
    readImage: (fileId) => readImage(files, fileId),
    options: run.request.options,
    signal: run.signal,
    mayUseTools: run.request.mayUseTools,
    isResumed: run.isResumed,
    continues: run.continues,
    keeping: () => run.keeping,
    ready: async () => {
      if (node !== undefined) await leaseIsGood(node, run.signal);
    },
    say: (text) => log.publish({ type: 'message.delta', data: { text }, ...run.owner }),
    reason: (text) => log.publish({ type: 'reasoning.delta', data: { text }, ...run.owner }),
    beginStep: (step = (run.record.step ?? 0) + 1) => run.steers.take(() => run.beginStep(step)),
    tellSteered(taken) {
      if (taken.length > 0) run.keepLater(tellSteered(run, taken));
    },
    mayEnd: () => run.steers.closeIfEmpty(),
    refuseMessages: () => run.steers.close(),
    sessionBeganAt: run.sessionBeganAt,
    ownMessages: () => ownMessages(run),
    ownSteers: () => readOwnSteers(store, run.owner),
    transcript: () => transcript(run),
    keepTurn: (turn) => keepTurn(run, turn),
    summary: async () => run.memory.summary,
    async keepSummary(summary: Summary) {
      await write(run, [remember(run, { summary })]);
    },
    tools: async () => {
      const { leftOut = [] } = run.memory;
      const all = (await tools.list(run.sessionId)).filter(({ name }) => !leftOut.includes(name));
      const own = listRunTools(run.request.tools ?? []).filter(({ name }) => !leftOut.includes(name));
      return [...(modeOf(run) === 'read-only' ? all.filter(({ readOnly }) => readOnly) : all), ...own];
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
      sees = false,
      place = callId,
      encode = textOfOutcome,
    }) {
      const { signal } = run;
      const shown = { tool, params: wellFormedDeep(params), ...(callId === undefined ? {} : { callId }) };
      const reopened = run.reopenedAt(place);
      const loggedId = (reopened && contentOf(reopened.item).callId) ?? newCallId();
      const again = { place, reopened };
      let call: PreparedCall;
      let permitted: Permit = {};
      let work: (() => Promise<unknown>) | undefined;
      await keepOrder(run);
      try {
        // Checked first, so that no person is asked about a malformed call.
        const own = prepareRunTool(run.request.tools ?? [], tool, params);
        call = own ?? (await tools.prepare(tool, params, run.sessionId));
        if (own === undefined)
          permitted = await permit(run, call, { callId: loggedId, asks, onWait, ...again });
        else work = await waitForOwn(run, call, { callId: loggedId, onWait, ...again });
      } catch (error) {
        // With `onUnanswered: "fail"`, the run ends.
        const isEnd = !(error instanceof CodeBuddyError) || error.code === 'unanswered';
        if (isEnd || signal.aborted) throw error;
        return refuse(run, shown, error, { encode, callId: loggedId });
      }
      if (node !== undefined) await leaseIsGood(node, signal);
      let text = '';
      const images: FileRow[] = [];
      const outcome = await tools.run(call, {
        ...run.owner,
        callId: loggedId,
        hop: run.hop,
        signal,
        use: permitted.use,
        work,
        ...(modeOf(run) === 'full' ? {} : { guard: { allowed: permitted.guarded?.path } }),
        isOneOfSeveral,
        ...(sees ? { onImage: (image) => void images.push(newFileRow(image.data, image, now())) } : {}),
        before: run.keeping,
        ...(keepLater ? { onEnding: (commit: Promise<unknown>) => run.keepLater(commit) } : {}),
        alongStart: () => run.takePendingWrites(),
        alongEnd(ending, durationMs) {
          if (signal.aborted || isInternal(ending)) return [];
          text = encode(ending);
          const parts = images.map(partOf);
          const message = toolMessage(run, shown, text, { isError: !ending.ok, durationMs, parts });
          // Its answer was kept until now.
          const used: Write = { kind: 'deleteQuestions', runId: run.id };
          return [
            ...images.map((file) => ({ kind: 'putFile' as const, file })),
            { kind: 'addMessage', message },
            ...(work === undefined ? [] : [used]),
          ];
        },
      });
      // An interrupted call has no result. One that failed for an internal error ends the run.
      if (!outcome.ok && (signal.aborted || isInternal(outcome))) throw outcome.error;
      const shownImages = images.map(({ id: fileId, name }) => ({ fileId, name }));
      return { ...outcome, text, ...(shownImages.length === 0 ? {} : { images: shownImages }) };
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
    async rejectOutput(reason) {
      const retry = (run.record.outputRetries ?? 0) + 1;
      run.outputRejected(retry);
      await keepOrder(run);
      await log.append(
        [{ type: 'output.rejected', data: { retry, reason }, ...run.owner, hop: run.hop }],
        [...run.takePendingWrites(), save(run)],
      );
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

async function readImage(files: Pick<Files, 'read'>, fileId: string): Promise<LoadedImage | undefined> {
  try {
    const { file, data } = await files.read(fileId);
    return { mediaType: file.mediaType, data };
  } catch (error) {
    // It was deleted, or pruned with the events of its day.
    if (error instanceof CodeBuddyError && error.code === 'upload_not_found') return undefined;
    throw error;
  }
}
