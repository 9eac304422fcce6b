// The flags that `prompt` and `chat` share, and the request that they become.

import type { Command } from 'commander';
import type { CodeBuddyClient, PromptRequest } from '../client/index.ts';
import { agentNameSchema, builtinAgent, presetAgents } from '../contract/agent-names.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { Flag } from './flag.ts';
import { idOf } from './id-argument.ts';
import { modelName, oneOf, textOf } from './option-values.ts';
import { UsageError } from './usage-error.ts';
import { type WorkspaceOptions, workspaceFields } from './workspace-flags.ts';

/** The options that become fields of the request. */
export interface RequestOptions extends WorkspaceOptions {
  readonly session?: string | undefined;
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  readonly maxSteps?: number | undefined;
  /** In ms. */
  readonly timeout?: number | undefined;
  readonly permissionMode?: PermissionMode | undefined;
  /** The JSON Schema of the answer. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
}

export interface SessionOptions {
  readonly session?: string | undefined;
  readonly continue?: boolean;
}

/** Adds --session and --continue. */
export function withSession(command: Command): Command {
  return command
    .addOption(
      new Flag('--session <id>', 'continue this session', {
        field: 'sessionId',
        parse: idOf('--session', 'ses'),
      }),
    )
    .option('-c, --continue', 'continue the session of the latest run');
}

/** @throws UsageError if both are given */
export function checkSessionFlags(options: SessionOptions): void {
  if (options.continue && options.session !== undefined)
    throw new UsageError('--continue and --session exclude each other.');
}

export function agentFlag(): Flag {
  return new Flag(
    '--agent <name>',
    'agent for a new session, such as claude or codex; see "codebuddy agents"',
    {
      field: 'options/agent',
      parse: textOf('--agent', agentNameSchema),
      words: [builtinAgent, ...presetAgents],
    },
  );
}

export function modelFlag(help: string): Flag {
  return new Flag('--model <model>', help, { field: 'options/model', parse: modelName('--model') });
}

export function permissionModeFlag(): Flag<PermissionMode> {
  return new Flag('--permission-mode <mode>', `permission mode: ${permissionModes.join(', ')}`, {
    field: 'options/permissionMode',
    parse: oneOf('--permission-mode', permissionModes),
  });
}

/** The session that was used last, which need not be the newest one. */
export async function latestSession(client: CodeBuddyClient, signal: AbortSignal): Promise<string> {
  const { runs } = await client.runs.list({ limit: 1 }, { signal });
  const [latest] = runs;
  if (latest === undefined)
    throw new Error('There is no session to continue. Leave out --continue to start one.');
  return latest.sessionId;
}

export function toRequest(prompt: string, options: RequestOptions): PromptRequest {
  const { session, agent, model, maxSteps, timeout, permissionMode, schema } = options;
  const runOptions = {
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(permissionMode === undefined ? {} : { permissionMode }),
    ...workspaceFields(options),
    ...(schema === undefined ? {} : { format: { type: 'json_schema' as const, schema } }),
  };
  return {
    prompt,
    ...(session === undefined ? {} : { sessionId: session }),
    ...(Object.keys(runOptions).length === 0 ? {} : { options: runOptions }),
  };
}
