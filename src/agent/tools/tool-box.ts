// Holds all tools by name, and is the only way to run them: `prepare` checks a call once, `run` logs its start and its
// end, turns file changes into events, and returns a failure of the tool as an outcome.

import { CodeBuddyError } from '../../base/errors.ts';
import { wellFormedDeep } from '../../base/text.ts';
import type { Isolation } from '../../contract/sandbox.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import type { Write } from '../../store/store.ts';
import type { CallRecord, FileHistory } from '../file-history/file-history.ts';
import { createFilesThatRunLater, type FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { createGuardedFiles, type GuardedFile } from '../permissions/guarded-files.ts';
import type { ToolUse } from '../permissions/permission-rule.ts';
import { type CallMarks, createCallMarks } from '../processes/call-marks.ts';
import { createProgramFinder } from '../programs/program-finder.ts';
import { type CommandGuard, createCommandGuard } from '../sandbox-guard/command-guard.ts';
import { bashTool } from './bash.ts';
import { endEvent, newCallId, startEvent } from './call-events.ts';
import { createCallStart } from './call-start.ts';
import { coerceParams } from './coerce-params.ts';
import { editFileTool } from './edit-file.ts';
import { globTool } from './glob.ts';
import { listDirectoryTool } from './list-directory.ts';
import { readFileTool } from './read-file.ts';
import type { Sandbox } from './sandbox.ts';
import { searchTool } from './search.ts';
import { createSeenFiles } from './seen-files.ts';
import { explainSystemError } from './system-errors.ts';
import type { Tool, ToolImage, ToolOutcome } from './tool.ts';
import { findTarget } from './tool-target.ts';
import { validateParams } from './validate-params.ts';
import type { Workspace } from './workspace.ts';
import { writeFileTool } from './write-file.ts';

const builtInTools: readonly Tool[] = [
  readFileTool,
  writeFileTool,
  editFileTool,
  bashTool,
  searchTool,
  globTool,
  listDirectoryTool,
];

/** Tools that are not built in, such as those of MCP servers. */
export interface ExternalTools {
  /** With `sessionId`, also those of the session; so do the other methods. */
  list(sessionId?: string): Promise<readonly ToolDescription[]>;
  has(name: string, sessionId?: string): boolean;
  /** Asks only the server that owns the tool. Undefined if that server has no such tool, or cannot be asked. */
  find(name: string, sessionId?: string): Promise<ToolDescription | undefined>;
  call(
    name: string,
    params: Record<string, unknown>,
    options: { readonly signal: AbortSignal; readonly sessionId?: string | undefined },
  ): Promise<unknown>;
}

/** A call with an existing tool and valid parameters; `ToolBox.prepare` creates it. */
export interface PreparedCall {
  readonly tool: string;
  /** In the types of the tool's schema; see `coerceParams`. */
  readonly params: Readonly<Record<string, unknown>>;
  /** True if the tool can change nothing. */
  readonly readOnly: boolean;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** The id in the events of the call. @default a new one */
  readonly callId?: string;
  readonly sessionId?: string;
  readonly runId?: string;
  /** The number of requests of this server's own webhooks that led to the call. @default 0 */
  readonly hop?: number;
  /**
   * The only file that runs later and that the call may change. Left out: any such file, as the caller itself asked for
   * it.
   */
  readonly guard?: { readonly allowed: string | undefined };
  /**
   * True if other calls run at the same time: the start of each is in the log before any of them ends. @default false
   */
  readonly isOneOfSeveral?: boolean;
  /** An earlier commit, which must be in the log before a call that can change something. @default none */
  readonly before?: Promise<unknown> | undefined;
  /** Takes the commit of the event that ends the call, so that `run` does not wait for it. Called once. */
  readonly onEnding?: (commit: Promise<unknown>) => void;
  /** Called for each image that the tool reads. Left out: images are not read. */
  readonly onImage?: (image: ToolImage) => void;
  /** Writes for the commit of `tool.start`. Called once. */
  readonly alongStart?: () => readonly Write[];
  /** Writes for the commit of the event that ends the call. Called once. */
  readonly alongEnd?: (outcome: ToolOutcome, durationMs: number) => readonly Write[];
  /** Runs a call of a tool that is not in the box, in place of the box. It gives at once what is known already. */
  readonly work?: (() => Promise<unknown>) | undefined;
  /** The allowed file. A path that leads elsewhere by now is not written. */
  readonly use?: ToolUse | undefined;
}

export interface ToolBox {
  /** With `sessionId`, also the tools that only this session has; so does `prepare`. */
  list(sessionId?: string): Promise<readonly ToolDescription[]>;
  /**
   * Finds the tool and checks the parameters. Those of external tools are checked by the server that runs them.
   * @throws CodeBuddyError `tool_not_found`, `validation_failed`
   */
  prepare(name: string, params: Record<string, unknown>, sessionId?: string): Promise<PreparedCall>;
  /**
   * How a command would run now; undefined for tools that run no commands.
   * @throws CodeBuddyError `sandbox_unavailable`
   */
  isolationOf(name: string, sessionId?: string): Promise<CommandIsolation | undefined>;
  /** How a command runs that a foreign agent starts; undefined for tools that run no commands. */
  isolationElsewhere(name: string): CommandIsolation | undefined;
  /** Whether the server has a tool of this name. */
  has(name: string, sessionId?: string): boolean;
  /** Returns the target that permission rules are matched against; for files, the real path. */
  useOf(call: PreparedCall, sessionId?: string): Promise<ToolUse>;
  /** The file that the call would change, if other programs run it later. */
  guardedFile(call: PreparedCall, use: ToolUse, sessionId?: string): Promise<GuardedFile | undefined>;
  /** Runs the call. A failure of the tool is an outcome; @throws only if the log cannot take the events */
  run(call: PreparedCall, options: RunOptions): Promise<ToolOutcome>;
}

export interface CommandIsolation {
  readonly sandbox: Isolation;
  /** True if a sandbox is expected but missing: a person decides, unless a rule allows exactly this command. */
  readonly isMissing: boolean;
}

export interface ToolBoxOptions {
  readonly workspace: Workspace;
  readonly log: Pick<EventLog, 'append' | 'publish'>;
  readonly environment: Readonly<Record<string, string>>;
  readonly external?: ExternalTools;
  /**
   * Keeps the watcher silent about a file that a tool changes, until the returned function is called; see
   * `FileWatcher.hold`.
   */
  readonly holdFile?: (path: string) => (version: string | undefined) => void;
  /** Confines commands. Undefined: they run without a sandbox. */
  readonly sandbox?: Sandbox;
  /** @default marks that are not kept on disk */
  readonly marks?: CallMarks;
  /** @default the built-in list */
  readonly runLater?: FilesThatRunLater;
  /** Takes down the changes of files that calls of a session make. @default none */
  readonly fileHistory?: Pick<FileHistory, 'recordCall' | 'watchProgram'>;
  /** @default a guard without a journal */
  readonly commandGuard?: CommandGuard;
  /** The workspace that events about files name. @default none: they mean that of the server */
  readonly shownWorkspace?: string;
}

export function createToolBox({
  workspace,
  log,
  environment,
  external,
  holdFile,
  fileHistory,
  sandbox,
  marks = createCallMarks(),
  runLater = createFilesThatRunLater(),
  commandGuard = createCommandGuard({ root: workspace.root, list: runLater }),
  shownWorkspace,
}: ToolBoxOptions): ToolBox {
  const guardedFiles = createGuardedFiles(workspace, runLater);
  const byName = new Map(builtInTools.map((tool) => [tool.name, tool]));
  const seenBy = createSeenFiles();
  const programs = createProgramFinder({ path: environment.PATH, untrusted: [workspace.root] });

  async function prepare(
    name: string,
    given: Record<string, unknown>,
    sessionId?: string,
  ): Promise<PreparedCall> {
    const tool = byName.get(name);
    if (tool !== undefined) {
      const params = coerceParams(tool.inputSchema, given);
      validateParams(tool, params);
      return { tool: name, params, readOnly: tool.readOnly };
    }
    if (external === undefined || !external.has(name, sessionId)) {
      throw new CodeBuddyError(
        'tool_not_found',
        `Tool ${JSON.stringify(name)} not found; the built-in tools are ${[...byName.keys()].join(', ')}.`,
      );
    }
    const found = await external.find(name, sessionId);
    return {
      tool: name,
      params: coerceParams(found?.inputSchema, given),
      readOnly: found?.readOnly ?? false,
    };
  }

  /** The last check, of the file that was really opened: a link may lead elsewhere since the permission. */
  function checkWrite(tool: string, realPath: string, allowed: string | undefined): void {
    if (realPath === allowed || !guardedFiles.isGuarded(realPath)) return;
    throw new CodeBuddyError(
      'permission_denied',
      `${tool} was not run: its path leads to ${realPath}, which other programs run later; that was not allowed.`,
    );
  }

  /** Runs a built-in tool. `onFileChange` is called for each file that it changes. */
  async function runBuiltIn(
    tool: Tool,
    params: PreparedCall['params'],
    { signal, sessionId, guard, use, onImage }: RunOptions,
    {
      record,
      onOutput,
      onFileChange,
    }: {
      readonly record: CallRecord | undefined;
      readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
      readonly onFileChange: (change: 'create' | 'modify' | 'delete', path: string, bytes: number) => void;
    },
  ): Promise<unknown> {
    const target = use?.target;
    const pinned = target?.kind === 'file' ? target.realPath : undefined;
    const heldFiles = new Map<string, (version: string | undefined) => void>();
    const versions = new Map<string, string>();
    try {
      return await tool.run(params as never, {
        workspace: pinned === undefined ? workspace : workspace.writingOnly(pinned),
        signal,
        environment,
        programs,
        marks,
        commandGuard,
        seen: seenBy(sessionId),
        ...(guard === undefined
          ? {}
          : {
              checkWrite: (path: string) => checkWrite(tool.name, path, guard.allowed),
              mayShare: async (stats) => !(await guardedFiles.isShared(stats)),
            }),
        ...(sandbox === undefined ? {} : { sandbox }),
        ...(record === undefined ? {} : { record }),
        showImage: onImage,
        onOutput,
        beforeFileChange(path) {
          if (holdFile !== undefined && !heldFiles.has(path)) heldFiles.set(path, holdFile(path));
        },
        onFileChange(change, path, bytes, version) {
          versions.set(path, version);
          commandGuard.noteWrite(path);
          onFileChange(change, path, bytes);
        },
      });
    } finally {
      for (const [path, release] of heldFiles) release(versions.get(path));
    }
  }

  return {
    async list(sessionId) {
      const own = builtInTools.map(({ name, description, inputSchema, readOnly }) => ({
        name,
        description,
        inputSchema,
        readOnly,
      }));
      return external === undefined ? own : [...own, ...(await external.list(sessionId))];
    },
    prepare,
    has: (name, sessionId) => byName.has(name) || external?.has(name, sessionId) === true,
    async isolationOf(name) {
      if (name !== bashTool.name) return undefined;
      const isolation = (await sandbox?.isolation()) ?? 'none';
      return { sandbox: isolation, isMissing: isolation === 'none' && sandbox?.mode === 'auto' };
    },
    isolationElsewhere(name) {
      if (name !== bashTool.name) return undefined;
      return { sandbox: 'none', isMissing: sandbox !== undefined && sandbox.mode !== 'off' };
    },
    useOf: async ({ tool, params }) => ({
      tool,
      params,
      target: await findTarget(workspace, byName.get(tool), params),
    }),
    async guardedFile({ tool, readOnly }, { target }) {
      if (readOnly || !byName.has(tool) || target.kind !== 'file') return undefined;
      return guardedFiles.find(target);
    },
    async run(call, options) {
      const {
        callId = newCallId(),
        sessionId,
        runId,
        hop = 0,
        isOneOfSeveral,
        before,
        onEnding,
        alongStart,
        alongEnd,
        signal,
      } = options;
      const owner = {
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(runId === undefined ? {} : { runId }),
      };
      const facts = { callId, tool: call.tool };
      const tool = byName.get(call.tool);
      const params = wellFormedDeep(call.params);
      const begin = startEvent(facts, params, { ...owner, hop });
      // That an external tool changes nothing is only a hint of its server.
      const mayRunFirst = options.work !== undefined || (tool?.readOnly === true && isOneOfSeveral !== true);
      const start = createCallStart(
        () => Promise.all([log.append([begin], alongStart?.()), before]),
        mayRunFirst,
      );
      await start.mayRun();
      const startedAt = performance.now();
      const changes: NewEvent[] = [];
      let outcome: ToolOutcome;
      const author = sessionId === undefined ? undefined : { sessionId, runId, tool: call.tool };
      const record = author === undefined || call.readOnly ? undefined : fileHistory?.recordCall(author);
      const mayChangeAny = tool === undefined ? !call.readOnly : call.tool === bashTool.name;
      const program =
        author === undefined || !mayChangeAny ? undefined : await fileHistory?.watchProgram(author);
      try {
        const result =
          options.work !== undefined
            ? await options.work()
            : tool === undefined
              ? await external?.call(call.tool, params, { signal, sessionId })
              : await runBuiltIn(tool, call.params, options, {
                  record,
                  onOutput: (stream, text) =>
                    log.publish({ type: 'tool.output', data: { ...facts, stream, text }, ...owner }),
                  onFileChange: (change, path, bytes) =>
                    changes.push({
                      type: `file.${change}`,
                      data: {
                        path,
                        bytes,
                        tool: facts.tool,
                        callId: facts.callId,
                        ...(shownWorkspace === undefined ? {} : { workspace: shownWorkspace }),
                      },
                      ...owner,
                      hop,
                    }),
                });
        outcome = { ok: true, result: wellFormedDeep(result) };
      } catch (error) {
        // An error of the operating system is a failure of the tool, not of the server.
        outcome = { ok: false, error: explainSystemError(`The tool ${call.tool}`, error) ?? error };
      }
      await program?.end();
      const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000;
      const isStarted = await start.isCommitted();
      const writes = alongEnd?.(outcome, durationMs) ?? [];
      const added = writes.find((write) => write.kind === 'addMessage');
      const ending = endEvent(
        facts,
        { outcome, durationMs, messageId: added?.message.id },
        { ...owner, hop },
      );
      const commit = log.append(
        [...(isStarted ? [] : [begin]), ...changes, ending],
        [...(isStarted ? [] : (alongStart?.() ?? [])), ...writes, ...(record?.takeWrites() ?? [])],
      );
      if (onEnding === undefined) await commit;
      else onEnding(commit);
      return outcome;
    },
  };
}
