// The tools with which a client of the MCP server uses the agent: prompts, runs, permissions and sessions. A client that
// may send prompts may also read and cancel their runs.

import type { CallToolResult } from '@modelcontextprotocol/server';
import { CodeBuddyError } from '../base/errors.ts';
import type { Scope } from '../contract/api-key.ts';
import { permissionDecisionSchema } from '../contract/permission.ts';
import { promptRequestSchema } from '../contract/prompt.ts';
import { questionAnswerSchema } from '../contract/question.ts';
import type { Run } from '../contract/run.ts';
import type { SchemaType } from '../contract/schema-type.ts';
import type { Caller } from './caller.ts';
import type { McpServices } from './services.ts';
import { runTask } from './tasks.ts';
import { jsonResult } from './tool-results.ts';
import { runResult, waitForRun } from './wait-for-run.ts';

export interface ToolCall {
  readonly caller: Caller;
  /** True if the client takes a task in place of a result. */
  readonly takesTasks: boolean;
  /** Sends progress; undefined if the client did not ask for it. */
  readonly progress: ((message: string) => void) | undefined;
}

/** A schema of the contract. */
interface ObjectSchema {
  readonly type: 'object';
}

export interface AgentTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly scope: Scope;
  readonly readOnly: boolean;
  readonly inputSchema: ObjectSchema;
  /** @throws CodeBuddyError for invalid arguments, and of the service */
  run(params: unknown, call: ToolCall): Promise<CallToolResult>;
}

const runParams = {
  type: 'object',
  properties: { runId: { type: 'string', minLength: 1, maxLength: 128 } },
  required: ['runId'],
  additionalProperties: false,
} as const;

const { prompt, sessionId, options } = promptRequestSchema.properties;
const promptParams = {
  type: 'object',
  properties: { prompt, sessionId, options },
  required: ['prompt'],
  additionalProperties: false,
} as const;

const cancelParams = {
  ...runParams,
  properties: { ...runParams.properties, reason: { type: 'string', maxLength: 1000 } },
} as const;

const decideParams = {
  ...permissionDecisionSchema,
  properties: {
    permissionId: { type: 'string', minLength: 1, maxLength: 128 },
    ...permissionDecisionSchema.properties,
  },
  required: ['permissionId', 'decision'],
} as const;

const answerParams = {
  ...questionAnswerSchema,
  properties: {
    questionId: { type: 'string', minLength: 1, maxLength: 128 },
    ...questionAnswerSchema.properties,
  },
  required: ['questionId', 'answer'],
} as const;

const sessionsParams = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 200, description: 'Default: 50.' },
    cursor: { type: 'string', maxLength: 1000, description: '`nextCursor` of the last answer.' },
    title: { type: 'string', maxLength: 200, description: 'A part of the title.' },
  },
  additionalProperties: false,
} as const;

export interface AgentToolsOptions {
  readonly services: McpServices;
  /** How long a tool waits for a run, in ms. */
  readonly patienceMs: number;
}

/** The tools by name. */
export function createAgentTools({
  services,
  patienceMs,
}: AgentToolsOptions): ReadonlyMap<string, AgentTool> {
  const { runs, sessions, permissions, inbox, cursors } = services;

  /** A tool whose arguments are checked. */
  function tool<const S extends ObjectSchema>(
    facts: Omit<AgentTool, 'inputSchema' | 'run'> & { readonly inputSchema: S },
    run: (params: SchemaType<S>, call: ToolCall) => Promise<CallToolResult>,
  ): readonly [string, AgentTool] {
    const check = services.checkOf(facts.inputSchema);
    return [facts.name, { ...facts, run: async (params, call) => run(check(params) as SchemaType<S>, call) }];
  }

  return new Map([
    tool(
      {
        name: 'prompt',
        title: 'Prompt the agent',
        description:
          'Give the coding agent a task, and wait for its answer for up to 45 s. A longer task continues as a run: get its result with run_result. ' +
          'Pass the sessionId of an earlier answer to continue that conversation.',
        scope: 'prompt',
        readOnly: false,
        inputSchema: promptParams,
      },
      async (params, { caller, takesTasks, progress }) => {
        const { keyId, mayUseTools, requestId, hop, signal } = caller.facts;
        const started = await runs.start({
          prompt: params.prompt,
          ...(params.sessionId === undefined ? {} : { sessionId: params.sessionId }),
          options: params.options ?? {},
          origin: 'mcp',
          requestId,
          hop,
          keyId,
          mayUseTools,
        });
        started.result.catch(() => undefined);
        const { id } = started.run;
        if (takesTasks) return runTask(started.run);
        const run = await waitForRun(services, id, {
          after: started.afterSequence,
          patienceMs,
          signal,
          progress,
        });
        if (signal.aborted && run.endedAt === null) await cancelQuietly(runs, id);
        return runResult(run, services);
      },
    ),
    tool(
      {
        name: 'run_status',
        title: 'Get a run',
        description: 'Get the status of a run.',
        scope: 'prompt',
        readOnly: true,
        inputSchema: runParams,
      },
      async ({ runId }) => jsonResult(withoutTexts(await getRun(runs, runId))),
    ),
    tool(
      {
        name: 'run_result',
        title: 'Get the result of a run',
        description: 'Wait for the end of a run, for up to 45 s, and get its answer.',
        scope: 'prompt',
        readOnly: true,
        inputSchema: runParams,
      },
      async ({ runId }, { caller, progress }) => {
        const { last } = await services.events.bounds();
        await getRun(runs, runId);
        const { signal } = caller.facts;
        const run = await waitForRun(services, runId, { after: last, patienceMs, signal, progress });
        return runResult(run, services);
      },
    ),
    tool(
      {
        name: 'run_cancel',
        title: 'Cancel a run',
        description: 'Cancel a run. It stops its model call and its tools.',
        scope: 'prompt',
        readOnly: false,
        inputSchema: cancelParams,
      },
      async ({ runId, reason }) => jsonResult(withoutTexts(await runs.cancel(runId, reason))),
    ),
    tool(
      {
        name: 'permission_decide',
        title: 'Decide a permission',
        description:
          'Allow or deny a tool call that a run waits for. Ask the user first: the decision is theirs.',
        scope: 'tools',
        readOnly: false,
        inputSchema: decideParams,
      },
      async ({ permissionId, decision, reason }) =>
        jsonResult(await permissions.decide(permissionId, decision, reason)),
    ),
    tool(
      {
        name: 'question_answer',
        title: 'Answer a question',
        description: 'Answer a question of the agent that a run waits for. Ask the user first.',
        scope: 'prompt',
        readOnly: false,
        inputSchema: answerParams,
      },
      async ({ questionId, answer }) =>
        jsonResult(await inbox.answer(questionId, { kind: 'question', value: { answer } })),
    ),
    tool(
      {
        name: 'sessions_list',
        title: 'List sessions',
        description: 'List the conversations of the agent, the latest first.',
        scope: 'read',
        readOnly: true,
        inputSchema: sessionsParams,
      },
      async ({ title, ...query }) => {
        const page = await sessions.list({
          ...cursors.read('sessions', query),
          archived: false,
          ...(title === undefined ? {} : { title }),
        });
        return jsonResult({ sessions: page.items, nextCursor: cursors.next('sessions', page) });
      },
    ),
  ]);
}

/** @throws CodeBuddyError `run_not_found` */
async function getRun(runs: McpServices['runs'], id: string): Promise<Run> {
  const run = await runs.get(id);
  if (run === undefined) throw new CodeBuddyError('run_not_found', `Run "${id}" not found.`);
  return run;
}

/** The prompt and the answer may be long; `run_result` has the answer. */
function withoutTexts({ prompt: _prompt, response: _response, ...run }: Run): Record<string, unknown> {
  return run;
}

/** Cancels the run of a client that has disconnected. */
async function cancelQuietly(runs: McpServices['runs'], id: string): Promise<void> {
  await runs.cancel(id, 'The client disconnected.').catch(() => undefined);
}
