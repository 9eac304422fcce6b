// What a tool is: a name, a JSON Schema, and one function that works inside the workspace.

import type { Stats } from 'node:fs';
import type { CallMarks } from '../processes/call-marks.ts';
import type { ProgramFinder } from '../programs/program-finder.ts';
import type { CommandGuard } from '../sandbox-guard/command-guard.ts';
import type { Sandbox } from './sandbox.ts';
import type { SeenFiles } from './seen-files.ts';
import type { Workspace } from './workspace.ts';

export interface ToolRun {
  readonly workspace: Workspace;
  /** Aborts when the run is cancelled, timed out, or its client went away. */
  readonly signal: AbortSignal;
  /** The environment of programs that a tool starts; already without secrets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Finds the programs that tools start. */
  readonly programs: ProgramFinder;
  /** How commands are kept in bounds; undefined: not at all. */
  readonly sandbox?: Sandbox;
  /** Which files the session has seen, and as which version. */
  readonly seen: SeenFiles;
  /** Marks what commands start, so that all of it can be ended. */
  readonly marks: CallMarks;
  /** Keeps commands from leaving behind what other programs run. */
  readonly commandGuard: CommandGuard;
  /** Throws for a file that this call may not change: `realPath` is relative to the workspace, with links followed. */
  readonly checkWrite?: (realPath: string) => void;
  /** False for a file one of whose other names this call may not change: it gets a content of its own then. */
  readonly mayShare?: (stats: Stats) => Promise<boolean>;
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
  /** Called before a file is changed, with its real path relative to the workspace: the watcher is silent about it until the call ends. */
  readonly beforeFileChange: (path: string) => void;
  /** `path` relative to the workspace, with `/`. `version`: as the tool left the file; see `WrittenFile`. */
  readonly onFileChange: (
    change: 'create' | 'modify' | 'delete',
    path: string,
    bytes: number,
    version: string,
  ) => void;
}

/** The parameters of built-in tools are flat: strings, numbers and booleans. */
interface ParameterSchema {
  readonly type: 'string' | 'integer' | 'boolean';
  readonly [keyword: string]: unknown;
}

interface ParametersSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, ParameterSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
}

type Value<P extends ParameterSchema> = { string: string; integer: number; boolean: boolean }[P['type']];
type Required<S extends ParametersSchema> = S['required'] extends readonly (infer K)[] ? K : never;

/** The type that a schema stands for. json-schema-to-ts would do it as well, at ten million type instantiations. */
export type Parameters<S extends ParametersSchema> = {
  readonly [K in keyof S['properties'] & Required<S>]: Value<S['properties'][K]>;
} & {
  readonly [K in Exclude<keyof S['properties'], Required<S>>]?: Value<S['properties'][K]>;
};

/** What a call came to. */
export type ToolOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: unknown };

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** True if it can change nothing. */
  readonly readOnly: boolean;
  /** `params` fit `inputSchema` when this is called. */
  readonly run: (params: never, run: ToolRun) => Promise<unknown>;
}

/** Ties the parameters' type to the schema. */
export function defineTool<const S extends ParametersSchema>(tool: {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: S;
  readonly readOnly: boolean;
  readonly run: (params: Parameters<S>, run: ToolRun) => Promise<unknown>;
}): Tool {
  return tool as unknown as Tool; // The schema vouches for the parameters; the tool box checks them against it.
}
