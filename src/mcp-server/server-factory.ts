// One MCP server for each request, as the stateless protocol has it. Its tools are those of the agent (agent-tools.ts)
// and those of the workspace; what a caller sees and may call depends on the scopes of its key.

import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
  type Tool,
} from '@modelcontextprotocol/server';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { type AgentTool, createAgentTools } from './agent-tools.ts';
import { Caller } from './caller.ts';
import { addResources } from './resources.ts';
import type { McpServices } from './services.ts';
import { addTasks, tasksExtension } from './tasks.ts';
import { errorResult, jsonResult } from './tool-results.ts';

export interface ServerFactoryOptions {
  readonly services: McpServices;
  /** How long a tool waits for a run, in ms. */
  readonly patienceMs: number;
  readonly version: string;
  /** Called for internal errors; details must not reach clients. */
  readonly onInternalError: (error: unknown, requestId: string) => void;
}

const instructions =
  'Code Buddy is a coding agent with a workspace. Give it a task with the tool prompt. A task that takes longer than 45 s ' +
  'continues as a run: get its result with run_result. A run that waits for a permission continues after permission_decide.';

export function createServerFactory(options: ServerFactoryOptions): McpServerFactory {
  const { services, version } = options;
  const agentTools = createAgentTools(options);

  return ({ authInfo, era }) => {
    const caller = authInfo?.extra?.caller;
    if (!(caller instanceof Caller)) throw new TypeError('The request has no caller');
    const hasTasks = era === 'modern' && caller.may('prompt');
    const server = new Server(
      { name: 'codebuddy', title: 'Code Buddy', version },
      {
        capabilities: {
          tools: {},
          resources: {},
          ...(hasTasks ? { extensions: { [tasksExtension]: {} } } : {}),
        },
        instructions,
      },
    );
    server.setRequestHandler('tools/list', async () => ({ tools: await listTools(caller) }));
    server.setRequestHandler('tools/call', ({ params }, context) =>
      callTool(params.name, params.arguments ?? {}, caller, context),
    );
    addResources(server, caller, services);
    if (hasTasks) addTasks(server, services);
    return server;
  };

  async function listTools(caller: Caller): Promise<Tool[]> {
    const agent = [...agentTools.values()].filter(({ scope }) => caller.may(scope)).map(describe);
    if (!caller.may('tools')) return agent;
    const workspace = (await services.tools.list()).map(({ name, description, inputSchema, readOnly }) => ({
      name,
      description,
      inputSchema: { ...inputSchema, type: 'object' as const },
      annotations: { readOnlyHint: readOnly },
    }));
    return [...agent, ...workspace.filter(({ name }) => !agentTools.has(name))];
  }

  async function callTool(
    name: string,
    params: Record<string, unknown>,
    caller: Caller,
    context: ServerContext,
  ): Promise<CallToolResult> {
    const tool = agentTools.get(name);
    try {
      if (tool === undefined) return await callWorkspaceTool(name, params, caller);
      caller.require(tool.scope, `The tool ${name}`);
      return await tool.run(params, {
        caller,
        takesTasks: takesTasks(context),
        progress: progressOf(context),
      });
    } catch (error) {
      if (!(error instanceof CodeBuddyError)) {
        options.onInternalError(error, caller.facts.requestId);
        throw new ProtocolError(ProtocolErrorCode.InternalError, 'Internal error; see the server log.');
      }
      if (error.code === 'tool_not_found')
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name}`);
      return errorResult(error);
    }
  }

  async function callWorkspaceTool(
    name: string,
    params: Record<string, unknown>,
    caller: Caller,
  ): Promise<CallToolResult> {
    caller.require('tools', `The tool ${name}`);
    const { signal, requestId, hop } = caller.facts;
    return jsonResult(await services.tools.execute(name, params, { signal, requestId, hop }));
  }
}

function describe({ name, title, description, inputSchema, readOnly }: AgentTool): Tool {
  return {
    name,
    title,
    description,
    inputSchema: { ...inputSchema },
    annotations: { title, readOnlyHint: readOnly },
  };
}

/** True if the client takes a task in place of a result. Clients say so with each request. */
function takesTasks({ mcpReq: { envelope } }: ServerContext): boolean {
  const { [CLIENT_CAPABILITIES_META_KEY]: capabilities }: Readonly<Record<string, unknown>> = envelope ?? {};
  return (
    isRecord(capabilities) && isRecord(capabilities.extensions) && tasksExtension in capabilities.extensions
  );
}

/** Sends progress, if the client asked for it. */
function progressOf({ mcpReq }: ServerContext): ((message: string) => void) | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  let progress = 0;
  return (message) => {
    progress++;
    // The client may be gone.
    mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, progress, message } })
      .catch(() => undefined);
  };
}
