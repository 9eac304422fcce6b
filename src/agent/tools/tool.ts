// A built-in tool: a name, a JSON Schema of its parameters, and a function that works inside the workspace.

import type { Stats } from 'node:fs';
import type { ImageType } from '../../contract/uploaded-file.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import type { ProgramFinder } from '../programs/program-finder.ts';
import type { CommandGuard } from '../sandbox-guard/command-guard.ts';
import type { Sandbox } from './sandbox.ts';
import type { SeenFiles } from './seen-files.ts';
import type { FileRecorder } from './workspace/write-files.ts';
import type { Workspace } from './workspace.ts';

/** An image that a tool has read. */
export interface ToolImage {
  readonly name: string;
  readonly mediaType: ImageType;
  readonly data: Buffer;
}

export interface ToolRun {
  readonly workspace: Workspace;
  /** Aborts when the run is cancelled or times out, or its client disconnects. */
  readonly signal: AbortSignal;
  /** The environment of programs that the tool starts, without secrets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Finds the programs that tools start. */
  readonly programs: ProgramFinder;
  /** Confines commands. Undefined: they run without a sandbox. */
  readonly sandbox?: Sandbox;
  /** The files that the session has seen, with their versions. */
  readonly seen: SeenFiles;
  /** Marks the processes that commands start, so that all of them can be ended. */
  readonly marks: CallMarks;
  /** Prevents commands from leaving files that other programs run. */
  readonly commandGuard: CommandGuard;
  /** Throws for a file that this call may not change. `realPath`: relative to the workspace, with links followed. */
  readonly checkWrite?: (realPath: string) => void;
  /**
   * False if this call may not change another name (hard link) of the file: the file then gets its own copy of the
   * content.
   */
  readonly mayShare?: (stats: Stats) => Promise<boolean>;
  /** Takes down changes of files, so that they can be undone. */
  readonly record?: FileRecorder;
  /** Shows an image to the model, beside the result. Undefined if it cannot see, or there is none. */
  readonly showImage?: ((image: ToolImage) => void) | undefined;
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
  /**
   * Called before a file is changed, with its real path relative to the workspace: the watcher ignores it until the
   * call ends.
   */
  readonly beforeFileChange: (path: string) => void;
  /** `path`: relative to the workspace, with `/`. `version`: of the file as the tool left it; see `WrittenFile`. */
  readonly onFileChange: (
    change: 'create' | 'modify' | 'delete',
    path: string,
    bytes: number,
    version: string,
  ) => void;
}

/** Parameters of built-in tools are flat: strings, integers and booleans. */
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

/** The type of a schema. json-schema-to-ts would do the same with ten million type instantiations. */
export type Parameters<S extends ParametersSchema> = {
  readonly [K in keyof S['properties'] & Required<S>]: Value<S['properties'][K]>;
} & {
  readonly [K in Exclude<keyof S['properties'], Required<S>>]?: Value<S['properties'][K]>;
};

/** The result of a call, or the error it ended with. */
export type ToolOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: unknown };

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** True if the tool can change nothing. */
  readonly readOnly: boolean;
  /** Called with parameters that are valid for `inputSchema`. */
  readonly run: (params: never, run: ToolRun) => Promise<unknown>;
}

/** Derives the parameters' type from the schema. */
export function defineTool<const S extends ParametersSchema>(tool: {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: S;
  readonly readOnly: boolean;
  readonly run: (params: Parameters<S>, run: ToolRun) => Promise<unknown>;
}): Tool {
  // The tool box validates the parameters against the schema before it runs the tool.
  return tool as unknown as Tool;
}
