// The agent's side of the protocol: one handler for each method. Sessions, runs and permissions are those of the
// server; only the choices of open sessions are kept here.

import {
  type AgentApp,
  type AgentContext,
  agent,
  type InitializeResponse,
  type ListSessionsResponse,
  type McpServer,
  methods,
  PROTOCOL_VERSION,
  type PromptResponse,
  type SessionUpdate,
} from '@agentclientprotocol/sdk/unstable';
import { CodeBuddyApiError, type CodeBuddyClient, type Session } from '../client/index.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { mcpServersOf } from './mcp-servers.ts';
import { cancelTurns, endMcpServers, giveTitle, type OpenSession, sendMcpServers } from './open-session.ts';
import { promptText } from './prompt-text.ts';
import { replay } from './replay.ts';
import { invalidParams, sessionNotFound, toRequestError } from './request-errors.ts';
import { isWorkspace, requireAbsolute, requireWorkspace } from './require-workspace.ts';
import type { Place, ServerLink } from './server-link.ts';
import { type Choosable, configOptions, modeState, withMode, withOption } from './session-options.ts';
import { Turn } from './turn.ts';

export interface AgentAppOptions {
  readonly server: ServerLink;
  readonly version: string;
  /** Called with what the editor cannot show. */
  readonly log: (message: string) => void;
}

export interface AcpAgent {
  readonly app: AgentApp;
  /** Cancels all prompts, and ends the MCP servers of the editor. */
  closeAll(): Promise<void>;
}

/** What the requests that open a session have in common. */
interface Opening {
  readonly cwd: string;
  readonly additionalDirectories?: readonly string[];
  readonly mcpServers?: readonly McpServer[];
}

export function createAcpAgent({ server, version, log }: AgentAppOptions): AcpAgent {
  const sessions = new Map<string, OpenSession>();

  /** @throws RequestError */
  function opened(id: string): OpenSession {
    const session = sessions.get(id);
    if (session === undefined) throw sessionNotFound(id);
    return session;
  }

  /** Connects, and checks that the server works in the editor's folder. */
  async function reach(opening: Opening): Promise<{ client: CodeBuddyClient; place: Place }> {
    const { cwd, additionalDirectories = [] } = opening;
    if (additionalDirectories.length > 0)
      throw invalidParams('additionalDirectories is not supported: the agent works in one folder.');
    requireAbsolute(cwd);
    const client = await server.connect(cwd);
    const place = await server.place(client);
    requireWorkspace(cwd, place);
    return { client, place };
  }

  /** Opens the session, or opens it again with other MCP servers. */
  async function open(
    { id, messageCount }: Session,
    { cwd, mcpServers: given = [] }: Opening,
    { client, place }: { readonly client: CodeBuddyClient; readonly place: Place },
  ): Promise<OpenSession> {
    const mcpServers = mcpServersOf(given);
    const before = sessions.get(id);
    const [mode, choosable] = await Promise.all([defaultMode(client), findModels(client)]);
    const session: OpenSession = {
      id,
      cwd,
      client,
      place,
      choosable,
      mcpServers,
      choices: before?.choices ?? { mode, model: undefined },
      needsTitle: messageCount === 0,
      turns: before?.turns ?? new Set(),
    };
    if (before !== undefined && given.length === 0) await endMcpServers(before);
    await sendMcpServers(session);
    sessions.set(id, session);
    return session;
  }

  async function close(id: string): Promise<void> {
    const session = opened(id);
    sessions.delete(id);
    await cancelTurns(session);
    await endMcpServers(session);
  }

  async function prompt(session: OpenSession, text: string, editor: AgentContext): Promise<PromptResponse> {
    const { id: sessionId, cwd, place, choices, turns } = session;
    const { mode: permissionMode, model } = choices;
    const options = { permissionMode, ...(model === undefined ? {} : { model }) };
    const turn = new Turn({
      connect: () => server.connect(cwd),
      revive: () => server.revive(cwd),
      editor,
      place,
      request: { prompt: text, sessionId, options },
      previous: [...turns].at(-1)?.accepted,
      prepare: () => sendMcpServers(session),
    });
    turns.add(turn);
    giveTitle(session, text, editor).catch((error: unknown) =>
      log(`The session ${sessionId} got no title: ${toRequestError(error).message}`),
    );
    try {
      return await turn.run();
    } finally {
      turns.delete(turn);
    }
  }

  /** Tells the editor of a choice, in both forms. */
  async function tellChoices(session: OpenSession, editor: AgentContext): Promise<void> {
    const updates: readonly SessionUpdate[] = [
      { sessionUpdate: 'current_mode_update', currentModeId: session.choices.mode },
      { sessionUpdate: 'config_option_update', configOptions: optionsOf(session) },
    ];
    for (const update of updates)
      await editor.notify(methods.client.session.update, { sessionId: session.id, update });
  }

  const app = agent({ name: 'codebuddy' })
    .onRequest(methods.agent.initialize, () => describe(version))
    .onRequest(
      methods.agent.authenticate,
      answered(async () => {
        // There is nothing to sign in to. A wrong key is an error here, as everywhere.
        await (await server.connect(process.cwd())).sessions.list({ limit: 1 });
        return {};
      }),
    )
    .onRequest(
      methods.agent.session.new,
      answered(async ({ params }) => {
        const reached = await reach(params);
        const made = await reached.client.sessions.create();
        try {
          return { sessionId: made.id, ...stateOf(await open(made, params, reached)) };
        } catch (error) {
          await reached.client.sessions.delete(made.id).catch(() => undefined);
          throw error;
        }
      }),
    )
    .onRequest(
      methods.agent.session.load,
      answered(async ({ params, client: editor }) => {
        const { sessionId } = params;
        const reached = await reach(params);
        const session = await open(await reached.client.sessions.get(sessionId), params, reached);
        await replay(reached.client, sessionId, reached.place.workspace, (update) =>
          editor.notify(methods.client.session.update, { sessionId, update }),
        );
        return stateOf(session);
      }),
    )
    .onRequest(
      methods.agent.session.resume,
      answered(async ({ params }) => {
        const reached = await reach(params);
        const found = await reached.client.sessions.get(params.sessionId);
        return stateOf(await open(found, params, reached));
      }),
    )
    .onRequest(
      methods.agent.session.fork,
      answered(async ({ params }) => {
        const { sessionId } = params;
        const reached = await reach(params);
        const session = await open(await reached.client.sessions.fork(sessionId), params, reached);
        session.choices = sessions.get(sessionId)?.choices ?? session.choices;
        return { sessionId: session.id, ...stateOf(session) };
      }),
    )
    .onRequest(
      methods.agent.session.list,
      answered(async ({ params: { cwd, cursor } }) => list(server, cwd ?? undefined, cursor ?? undefined)),
    )
    .onRequest(
      methods.agent.session.close,
      answered(async ({ params: { sessionId } }) => {
        await close(sessionId);
        return {};
      }),
    )
    .onRequest(
      methods.agent.session.delete,
      answered(async ({ params: { sessionId } }) => {
        const cwd = sessions.get(sessionId)?.cwd ?? process.cwd();
        if (sessions.has(sessionId)) await close(sessionId);
        await (await server.connect(cwd)).sessions.delete(sessionId);
        return {};
      }),
    )
    .onRequest(
      methods.agent.session.setMode,
      answered(async ({ params: { sessionId, modeId }, client: editor }) => {
        const session = opened(sessionId);
        session.choices = withMode(session.choices, modeId);
        await tellChoices(session, editor);
        return {};
      }),
    )
    .onRequest(
      methods.agent.session.setConfigOption,
      answered(async ({ params: { sessionId, configId, value }, client: editor }) => {
        const session = opened(sessionId);
        session.choices = withOption(session.choices, session.choosable, configId, value);
        if (configId === 'mode') await tellChoices(session, editor);
        return { configOptions: optionsOf(session) };
      }),
    )
    .onRequest(
      methods.agent.session.prompt,
      answered(async ({ params, client: editor }) => {
        const session = opened(params.sessionId);
        return prompt(session, promptText(params.prompt, session.place.workspace), editor);
      }),
    )
    .onNotification(methods.agent.session.cancel, async ({ params: { sessionId } }) => {
      const session = sessions.get(sessionId);
      if (session !== undefined) await cancelTurns(session);
    });

  return {
    app,
    async closeAll() {
      const closed = await Promise.allSettled([...sessions.keys()].map(close));
      for (const one of closed) if (one.status === 'rejected') log(toRequestError(one.reason).message);
    },
  };
}

/** Turns every failure into an error that an editor can show. */
function answered<C, R>(handle: (context: C) => Promise<R>): (context: C) => Promise<R> {
  return async (context) => {
    try {
      return await handle(context);
    } catch (error) {
      throw toRequestError(error);
    }
  };
}

/** The same for every protocol version that the editor asks for: it must leave if it does not know ours. */
function describe(version: string): InitializeResponse {
  return {
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: 'codebuddy', title: 'Code Buddy', version },
    agentCapabilities: {
      loadSession: true,
      promptCapabilities: { image: false, audio: false, embeddedContext: true },
      mcpCapabilities: { http: true, sse: false },
      sessionCapabilities: { list: {}, delete: {}, resume: {}, close: {}, fork: {} },
    },
    authMethods: [],
  };
}

async function list(
  server: ServerLink,
  cwd: string | undefined,
  cursor: string | undefined,
): Promise<ListSessionsResponse> {
  const client = await server.connect(cwd ?? process.cwd());
  const { workspace } = await server.place(client);
  const folder = workspace ?? cwd ?? process.cwd();
  if (cwd !== undefined && !isWorkspace(cwd, workspace)) return { sessions: [] };
  const page = await client.sessions.list(cursor === undefined ? {} : { cursor });
  return {
    sessions: page.sessions.map(({ id, title, updatedAt }) => ({
      sessionId: id,
      cwd: folder,
      title,
      updatedAt,
    })),
    ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}),
  };
}

function optionsOf({ choices, choosable }: OpenSession) {
  return configOptions(choices, choosable);
}

function stateOf(session: OpenSession) {
  return { modes: modeState(session.choices), configOptions: optionsOf(session) };
}

/** The mode of the server; `ask` if the key may not see it. */
async function defaultMode(client: CodeBuddyClient): Promise<PermissionMode> {
  const { settings } = await unlessForbidden(client.settings.list(), { settings: [] });
  const mode = settings.find(({ name }) => name === 'permissionMode')?.value;
  return permissionModes.find((one) => one === mode) ?? 'ask';
}

async function findModels(client: CodeBuddyClient): Promise<Choosable> {
  const { models } = await unlessForbidden(client.models.list(), { models: [] });
  return { models: models.filter(({ ready }) => ready) };
}

/** For routes that a host application, or the scopes of the key, may lack. */
async function unlessForbidden<T, O>(answer: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CodeBuddyApiError && [403, 404, 501].includes(error.status)) return otherwise;
    throw error;
  }
}
