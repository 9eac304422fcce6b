// All tools by name, and the one way to run them: parameters are checked, start and end are logged, file changes become events, and
// whatever goes wrong becomes a clear error.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../../base/errors.ts';
import { escapePointer } from '../../base/json-pointer.ts';
import { wellFormedDeep } from '../../base/text.ts';
import type { Isolation } from '../../contract/sandbox.ts';
import type { ToolDescription } from '../../contract/tool.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import { makeId } from '../../events/ids.ts';
import type { Write } from '../../store/store.ts';
import { createFilesThatRunLater, type FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { createGuardedFiles, type GuardedFile } from '../permissions/guarded-files.ts';
import type { FileTarget } from '../permissions/path-rule.ts';
import type { ToolUse } from '../permissions/permission-rule.ts';
import { type CallMarks, createCallMarks } from '../processes/call-marks.ts';
import { createProgramFinder } from '../programs/program-finder.ts';
import { type CommandGuard, createCommandGuard } from '../sandbox-guard/command-guard.ts';
import { bashTool } from './bash.ts';
import { capText } from './cap-output.ts';
import { coerceParams } from './coerce-params.ts';
import { editFileTool } from './edit-file.ts';
import { globTool } from './glob.ts';
import { listDirectoryTool } from './list-directory.ts';
import { readFileTool } from './read-file.ts';
import type { Sandbox } from './sandbox.ts';
import { searchTool } from './search.ts';
import { createSeenFiles } from './seen-files.ts';
import { explainSystemError } from './system-errors.ts';
import type { Tool } from './tool.ts';
import type { Workspace } from './workspace.ts';
import { writeFileTool } from './write-file.ts';

const require = createRequire(import.meta.url);

const tools: readonly Tool[] = [
  readFileTool,
  writeFileTool,
  editFileTool,
  bashTool,
  searchTool,
  globTool,
  listDirectoryTool,
];

/** Tools that are not built in, as those of MCP servers. */
export interface ExternalTools {
  list(): Promise<readonly ToolDescription[]>;
  has(name: string): boolean;
  /** Asks only the server that owns the tool. Undefined if that server has no such tool, or cannot be asked. */
  find(name: string): Promise<ToolDescription | undefined>;
  call(
    name: string,
    params: Record<string, unknown>,
    options: { readonly signal: AbortSignal },
  ): Promise<unknown>;
}

export type ToolOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: unknown };

export interface ToolBox {
  list(): Promise<readonly ToolDescription[]>;
  isReadOnly(name: string): Promise<boolean>;
  /** How a tool that runs commands would run them now; undefined for other tools. @throws CodeBuddyError `sandbox_unavailable` */
  isolationOf(name: string): Promise<CommandIsolation | undefined>;
  /**
   * The parameters in the types of the tool's schema (see `coerceParams`). Those of external tools are checked by the server that runs them.
   * @throws CodeBuddyError `tool_not_found`, `validation_failed`
   */
  prepare(name: string, params: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** What permission rules are held against: by the tool, and for files by where their path really leads. @throws CodeBuddyError `tool_not_found` */
  useOf(name: string, params: Readonly<Record<string, unknown>>): Promise<ToolUse>;
  /** The file that a call of a built-in tool would change, if other programs run it later. */
  guardedFile(name: string, params: Readonly<Record<string, unknown>>): Promise<GuardedFile | undefined>;
  /** @throws CodeBuddyError `tool_not_found`, `validation_failed`, and what the tool throws */
  execute(
    name: string,
    params: Record<string, unknown>,
    context: {
      readonly signal: AbortSignal;
      readonly sessionId?: string;
      readonly runId?: string;
      /** How many requests of our own webhooks led to it; default 0. */
      readonly hop?: number;
      /** Of the files that run later, the call may change this one only. Left out: any, by the caller's own word. */
      readonly guard?: { readonly allowed: string | undefined };
      /** Kept in the same commit as `tool.start`, and as the event that ends the call. */
      readonly alongStart?: readonly Write[];
      readonly alongEnd?: (outcome: ToolOutcome) => readonly Write[];
      /** What was allowed: a file that has come to lead elsewhere since is not written. */
      readonly use?: ToolUse;
    },
  ): Promise<unknown>;
}

export interface CommandIsolation {
  readonly sandbox: Isolation;
  /** There should be a sandbox and there is none: a person decides, unless a rule names exactly this command. */
  readonly isMissing: boolean;
}

export interface ToolBoxOptions {
  readonly workspace: Workspace;
  readonly log: Pick<EventLog, 'append' | 'publish'>;
  readonly environment: Readonly<Record<string, string>>;
  readonly external?: ExternalTools;
  /** Keeps the watcher silent about a file that a tool changes, until the returned function is called; see `FileWatcher.hold`. */
  readonly holdFile?: (path: string) => (version: string | undefined) => void;
  /** How commands are kept in bounds. Undefined: they are not. */
  readonly sandbox?: Sandbox;
  /** @default marks that are not kept on the disk */
  readonly marks?: CallMarks;
  /** @default the built-in list */
  readonly runLater?: FilesThatRunLater;
  /** @default one that keeps no journal */
  readonly commandGuard?: CommandGuard;
}

/** More than any tool has; naming every unknown one would answer more than was asked. */
const maxParameters = 100;

/** Of a result or of parameters, this much is kept in an event. */
const maxEventText = 16_384;

export function createToolBox({
  workspace,
  log,
  environment,
  external,
  holdFile,
  sandbox,
  marks = createCallMarks(),
  runLater = createFilesThatRunLater(),
  commandGuard = createCommandGuard({ root: workspace.root, list: runLater }),
}: ToolBoxOptions): ToolBox {
  const guardedFiles = createGuardedFiles(workspace, runLater);
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const validators = new Map<string, ValidateFunction>();
  const seenBy = createSeenFiles();
  let ajv: AjvClass | undefined;
  const programs = createProgramFinder({ path: environment.PATH, untrusted: [workspace.root] });

  /** Undefined: an external one. */
  function find(name: string): Tool | undefined {
    const tool = byName.get(name);
    if (tool !== undefined || external?.has(name)) return tool;
    throw new CodeBuddyError(
      'tool_not_found',
      `There is no tool ${JSON.stringify(name)}; there are ${[...byName.keys()].join(', ')}.`,
    );
  }

  async function prepare(name: string, given: Record<string, unknown>): Promise<Record<string, unknown>> {
    const tool = find(name);
    if (tool === undefined) return coerceParams((await external?.find(name))?.inputSchema, given);
    const params = coerceParams(tool.inputSchema, given);
    validate(tool, params);
    return params;
  }

  function validate(tool: Tool, params: Record<string, unknown>): void {
    let check = validators.get(tool.name);
    if (check === undefined) {
      ajv ??= new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({ allErrors: true });
      check = ajv.compile(tool.inputSchema);
      validators.set(tool.name, check);
    }
    const names = Object.keys(params);
    if (names.length > maxParameters) {
      const known = Object.keys(tool.inputSchema.properties ?? {}).join(', ');
      const message = `has ${names.length} parameters; ${tool.name} takes ${known}`;
      throw new CodeBuddyError('validation_failed', `${tool.name}: ${message}`, {
        errors: [{ in: 'body', pointer: '', message }],
      });
    }
    if (check(params)) return;
    const errors = (check.errors ?? []).map(({ instancePath, keyword, message, params: details }) => {
      const property =
        keyword === 'required'
          ? details.missingProperty
          : keyword === 'additionalProperties'
            ? details.additionalProperty
            : undefined;
      const pointer =
        property === undefined ? instancePath : `${instancePath}/${escapePointer(String(property))}`;
      return {
        in: 'body' as const,
        pointer,
        message:
          keyword === 'required'
            ? 'is required'
            : keyword === 'additionalProperties'
              ? 'is not known'
              : (message ?? 'does not fit'),
      };
    });
    throw new CodeBuddyError(
      'validation_failed',
      `${tool.name}: ${errors
        .slice(0, 5)
        .map(({ pointer, message }) => `${pointer.slice(0, 200)} ${message}`)
        .join('; ')}${errors.length > 5 ? ` and ${errors.length - 5} more` : ''}`,
      {
        errors,
      },
    );
  }

  async function targetOf(
    tool: Tool | undefined,
    params: Readonly<Record<string, unknown>>,
  ): Promise<ToolUse['target']> {
    if (tool === undefined) return { kind: 'parameters' };
    if (tool === bashTool) {
      const folder = await realFileOf(workspace, params.cwd ?? '.');
      return { kind: 'command', command: String(params.command), folder: folder?.realPath };
    }
    return (await realFileOf(workspace, params.path ?? '.')) ?? { kind: 'outside' };
  }

  /** The last look, at the file that was really opened: a link may have been turned since the permission. */
  function checkWrite(tool: string, realPath: string, allowed: string | undefined): void {
    if (realPath === allowed || !guardedFiles.isGuarded(realPath)) return;
    throw new CodeBuddyError(
      'permission_denied',
      `${tool} was not run: it leads to ${realPath}, which other programs run later and which was not allowed.`,
    );
  }

  return {
    async list() {
      const own = tools.map(({ name, description, inputSchema, readOnly }) => ({
        name,
        description,
        inputSchema,
        readOnly,
      }));
      return external === undefined ? own : [...own, ...(await external.list())];
    },
    async isReadOnly(name) {
      const tool = find(name);
      return (tool ?? (await external?.find(name)))?.readOnly ?? false;
    },
    async isolationOf(name) {
      if (name !== bashTool.name) return undefined;
      const isolation = (await sandbox?.isolation()) ?? 'none';
      return { sandbox: isolation, isMissing: isolation === 'none' && sandbox?.mode === 'auto' };
    },
    prepare,
    useOf: async (name, params) => ({ tool: name, params, target: await targetOf(find(name), params) }),
    async guardedFile(name, { path }) {
      const tool = byName.get(name);
      if (tool === undefined || tool.readOnly || typeof path !== 'string') return undefined;
      return guardedFiles.find(path);
    },
    async execute(name, given, { signal, sessionId, runId, hop = 0, guard, alongStart = [], alongEnd, use }) {
      const tool = find(name);
      const params = await prepare(name, given);
      const owner = {
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(runId === undefined ? {} : { runId }),
      };
      // Unique in the log; a model's own call ids are not.
      const callId = makeId('evt').replace('evt_', 'call_');
      const startedAt = performance.now();
      const durationMs = (): number => Math.round((performance.now() - startedAt) * 1000) / 1000;
      await log.append(
        [
          {
            type: 'tool.start',
            data: { callId, tool: name, params: capParams(wellFormedDeep(params)) },
            ...owner,
            hop,
          },
        ],
        alongStart,
      );
      const changes: NewEvent[] = [];
      const heldFiles = new Map<string, (version: string | undefined) => void>();
      const versions = new Map<string, string>();
      let outcome: ToolOutcome;
      try {
        const result =
          tool === undefined
            ? await external?.call(name, wellFormedDeep(params), { signal })
            : await tool.run(params as never, {
                workspace:
                  use?.target.kind === 'file' && use.target.realPath !== undefined
                    ? workspace.writingOnly(use.target.realPath)
                    : workspace,
                signal,
                environment,
                programs,
                marks,
                commandGuard,
                seen: seenBy(sessionId),
                ...(guard === undefined
                  ? {}
                  : {
                      checkWrite: (path: string) => checkWrite(name, path, guard.allowed),
                      mayShare: async (stats) => !(await guardedFiles.isShared(stats)),
                    }),
                ...(sandbox === undefined ? {} : { sandbox }),
                onOutput: (stream, text) =>
                  log.publish({ type: 'tool.output', data: { callId, tool: name, stream, text }, ...owner }),
                beforeFileChange(path) {
                  if (holdFile !== undefined && !heldFiles.has(path)) heldFiles.set(path, holdFile(path));
                },
                onFileChange: (change, path, bytes, version) => {
                  versions.set(path, version);
                  commandGuard.noteWrite(path);
                  changes.push({
                    type: `file.${change}`,
                    data: { path, bytes, tool: name, callId },
                    ...owner,
                    hop,
                  });
                },
              });
        outcome = { ok: true, result: wellFormedDeep(result) };
      } catch (error) {
        // Whatever the operating system refuses is the tool's failure, not the server's.
        outcome = { ok: false, error: explainSystemError(`The tool ${name}`, error) ?? error };
      }
      for (const [path, release] of heldFiles) release(versions.get(path));
      const ending: NewEvent = outcome.ok
        ? {
            type: 'tool.complete',
            data: {
              callId,
              tool: name,
              result: capResult(wellFormedDeep(outcome.result)),
              durationMs: durationMs(),
            },
            ...owner,
            hop,
          }
        : {
            type: 'tool.error',
            data: {
              callId,
              tool: name,
              ...wellFormedDeep(describe(outcome.error)),
              durationMs: durationMs(),
            },
            ...owner,
            hop,
          };
      await log.append([...changes, ending], alongEnd?.(outcome) ?? []);
      if (!outcome.ok) throw outcome.error;
      return outcome.result;
    },
  };
}

/** Undefined if the path leads out of the workspace. */
async function realFileOf(workspace: Workspace, path: unknown): Promise<FileTarget | undefined> {
  let spelled: string;
  try {
    spelled = workspace.relative(String(path));
  } catch (error) {
    // The tool itself says so, in words.
    if (error instanceof CodeBuddyError) return undefined;
    throw error;
  }
  const { path: realPath, stats } = await workspace.realFile(spelled);
  const isShared = stats?.isFile() === true && stats.nlink > 1;
  const otherNames = isShared ? await workspace.denyRules?.otherNames(workspace.root, stats) : [];
  return {
    kind: 'file',
    path: spelled,
    realPath,
    isShared,
    otherNames: workspace.denyRules === undefined ? [] : otherNames,
  };
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof CodeBuddyError) return { code: error.code, message: error.message };
  if (error instanceof Error && error.name === 'AbortError')
    return { code: 'cancelled', message: 'The tool was cancelled.' };
  // What is not meant for clients stays in the server's log.
  return { code: 'internal_error', message: 'The tool failed for a reason of ours.' };
}

/** Long strings of an object are cut; the shape stays. */
function capParams(params: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      typeof value === 'string' ? capText(value, maxEventText).text : value,
    ]),
  );
}

function capResult(result: unknown): unknown {
  const text = JSON.stringify(result) ?? 'null';
  if (text.length <= maxEventText) return result ?? null;
  if (typeof result === 'object' && result !== null && !Array.isArray(result)) {
    const capped = capParams(result as Record<string, unknown>);
    if (JSON.stringify(capped).length <= 4 * maxEventText) return capped;
  }
  return { truncated: true, text: capText(text, maxEventText).text };
}
