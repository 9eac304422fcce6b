// All tools by name, and the one way to run them: parameters are checked, start and end are logged, file changes become events, and
// whatever goes wrong becomes a clear error.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../../errors.ts';
import type { EventLog, NewEvent } from '../../events/event-log.ts';
import { makeId } from '../../events/ids.ts';
import type { Write } from '../../store/store.ts';
import { wellFormedDeep } from '../../text.ts';
import type { ToolDescription } from '../types.ts';
import { bashTool } from './bash.ts';
import { capText } from './cap-output.ts';
import { editFileTool } from './edit-file.ts';
import { globTool } from './glob.ts';
import { listDirectoryTool } from './list-directory.ts';
import { readFileTool } from './read-file.ts';
import type { Sandbox } from './sandbox.ts';
import { searchTool } from './search.ts';
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
  /** @throws CodeBuddyError `tool_not_found`, `validation_failed`; parameters of external tools are checked by whoever runs them */
  validate(name: string, params: Record<string, unknown>): void;
  /** The file that the parameters name, relative to the workspace; undefined if there is none, or if it is outside. */
  pathOf(params: Readonly<Record<string, unknown>>): string | undefined;
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
      /** Kept in the same commit as `tool.start`, and as the event that ends the call. */
      readonly alongStart?: readonly Write[];
      readonly alongEnd?: (outcome: ToolOutcome) => readonly Write[];
    },
  ): Promise<unknown>;
}

export interface ToolBoxOptions {
  readonly workspace: Workspace;
  readonly log: Pick<EventLog, 'append' | 'publish'>;
  readonly environment: Readonly<Record<string, string>>;
  readonly external?: ExternalTools;
  /** Hears of a file that a tool has changed and tells of itself. */
  readonly onFileChange?: (path: string) => void;
  /** How commands are kept in bounds; undefined: not at all. */
  readonly sandbox?: Sandbox;
}

/** Of a result or of parameters, this much is kept in an event. */
const maxEventText = 16_384;

export function createToolBox({
  workspace,
  log,
  environment,
  external,
  onFileChange,
  sandbox,
}: ToolBoxOptions): ToolBox {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const validators = new Map<string, ValidateFunction>();
  let ajv: AjvClass | undefined;

  /** Undefined: an external one. */
  function find(name: string): Tool | undefined {
    const tool = byName.get(name);
    if (tool !== undefined || external?.has(name)) return tool;
    throw new CodeBuddyError(
      'tool_not_found',
      `There is no tool ${JSON.stringify(name)}; there are ${[...byName.keys()].join(', ')}.`,
    );
  }

  function validate(name: string, params: Record<string, unknown>): void {
    const tool = find(name);
    if (tool === undefined) return;
    let check = validators.get(tool.name);
    if (check === undefined) {
      ajv ??= new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({ allErrors: true });
      check = ajv.compile(tool.inputSchema);
      validators.set(tool.name, check);
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
      `${tool.name}: ${errors.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')}`,
      {
        errors,
      },
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
      if (tool !== undefined) return tool.readOnly;
      const all = (await external?.list()) ?? [];
      return all.find((one) => one.name === name)?.readOnly ?? false;
    },
    validate,
    pathOf({ path }) {
      if (typeof path !== 'string') return undefined;
      try {
        return workspace.relative(path);
      } catch {
        // The tool itself says so, in words.
        return undefined;
      }
    },
    async execute(name, given, { signal, sessionId, runId, hop = 0, alongStart = [], alongEnd }) {
      const params = wellFormedDeep(given);
      validate(name, params);
      const tool = find(name);
      const owner = {
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(runId === undefined ? {} : { runId }),
      };
      // Unique in the log; a model's own call ids are not.
      const callId = makeId('evt').replace('evt_', 'call_');
      const startedAt = performance.now();
      const durationMs = (): number => Math.round((performance.now() - startedAt) * 1000) / 1000;
      await log.append(
        [{ type: 'tool.start', data: { callId, tool: name, params: capParams(params) }, ...owner, hop }],
        alongStart,
      );
      const changes: NewEvent[] = [];
      let outcome: ToolOutcome;
      try {
        const result =
          tool === undefined
            ? await external?.call(name, params, { signal })
            : await tool.run(params as never, {
                workspace,
                signal,
                environment,
                ...(sandbox === undefined ? {} : { sandbox }),
                onOutput: (stream, text) =>
                  log.publish({ type: 'tool.output', data: { callId, tool: name, stream, text }, ...owner }),
                onFileChange: (change, path, bytes) => {
                  onFileChange?.(path);
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
        outcome = { ok: false, error };
      }
      const ending: NewEvent = outcome.ok
        ? {
            type: 'tool.complete',
            data: { callId, tool: name, result: capResult(outcome.result), durationMs: durationMs() },
            ...owner,
            hop,
          }
        : {
            type: 'tool.error',
            data: { callId, tool: name, ...describe(outcome.error), durationMs: durationMs() },
            ...owner,
            hop,
          };
      await log.append([...changes, ending], alongEnd?.(outcome) ?? []);
      if (!outcome.ok) throw outcome.error;
      return outcome.result;
    },
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

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
