// The agent's side of the protocol: one handler for each method. Sessions, runs and permissions are those of the
// server; only the choices of open sessions are kept here.

import {
  type AgentApp,
  type AgentContext,
  agent,
  type InitializeResponse,
  methods,
  PROTOCOL_VERSION,
  type SessionUpdate,
} from '@agentclientprotocol/sdk/unstable';
import { listSessions } from './list-sessions.ts';
import { cancelTurns, type OpenSession } from './open-session.ts';
import { createOpenSessions } from './open-sessions.ts';
import { promptText } from './prompt-text.ts';
import { replay } from './replay.ts';
import { toRequestError } from './request-errors.ts';
import { unlessForbidden } from './server-choices.ts';
import type { ServerLink } from './server-link.ts';
import { configOptions, modeState, withMode, withOption } from './session-options.ts';

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

export function createAcpAgent({ server, version, log }: AgentAppOptions): AcpAgent {
  const sessions = createOpenSessions(server, log);
  const { session: on } = methods.agent;

  const app = agent({ name: 'codebuddy' })
    .onRequest(methods.agent.initialize, () => describe(version))
    .onRequest(
      methods.agent.authenticate,
      answered(async () => {
        // There is nothing to sign in to. A wrong key is an error here, as everywhere.
        await unlessForbidden((await server.connect(process.cwd())).index(), undefined);
        return {};
      }),
    )
    .onRequest(
      on.new,
      answered(async ({ params }) => {
        const reached = await sessions.reach(params);
        const made = await reached.client.sessions.create();
        try {
          const session = await sessions.open(made, params, reached, true);
          return { sessionId: session.id, ...stateOf(session) };
        } catch (error) {
          await reached.client.sessions.delete(made.id).catch(() => undefined);
          throw error;
        }
      }),
    )
    .onRequest(
      on.load,
      answered(async ({ params, client: editor }) => {
        const { sessionId } = params;
        const reached = await sessions.reach(params);
        const found = await reached.client.sessions.get(sessionId);
        const session = await sessions.open(found, params, reached);
        await replay(reached.client, sessionId, reached.place.workspace, (update) =>
          editor.notify(methods.client.session.update, { sessionId, update }),
        );
        return stateOf(session);
      }),
    )
    .onRequest(
      on.resume,
      answered(async ({ params }) => {
        const reached = await sessions.reach(params);
        const found = await reached.client.sessions.get(params.sessionId);
        return stateOf(await sessions.open(found, params, reached));
      }),
    )
    .onRequest(
      on.fork,
      answered(async ({ params }) => {
        const { sessionId } = params;
        const reached = await sessions.reach(params);
        const copy = await reached.client.sessions.fork(sessionId);
        const session = await sessions.open(copy, params, reached);
        session.choices = sessions.find(sessionId)?.choices ?? session.choices;
        return { sessionId: session.id, ...stateOf(session) };
      }),
    )
    .onRequest(
      on.list,
      answered(async ({ params: { cwd, cursor } }) =>
        listSessions(server, cwd ?? undefined, cursor ?? undefined),
      ),
    )
    .onRequest(
      on.close,
      answered(async ({ params: { sessionId } }) => {
        await sessions.close(sessionId);
        return {};
      }),
    )
    .onRequest(
      on.delete,
      answered(async ({ params: { sessionId } }) => {
        const session = sessions.find(sessionId);
        if (session !== undefined) await sessions.close(sessionId);
        const client = await server.connect(session?.cwd ?? process.cwd());
        await client.sessions.delete(sessionId);
        return {};
      }),
    )
    .onRequest(
      on.setMode,
      answered(async ({ params: { sessionId, modeId }, client: editor }) => {
        const session = sessions.get(sessionId);
        session.choices = withMode(session.choices, modeId);
        await tellMode(session, editor);
        return {};
      }),
    )
    .onRequest(
      on.setConfigOption,
      answered(async ({ params: { sessionId, configId, value }, client: editor }) => {
        const session = sessions.get(sessionId);
        session.choices = withOption(session.choices, session.models, configId, value);
        if (configId === 'mode') await tellMode(session, editor);
        return { configOptions: configOptions(session.choices, session.models) };
      }),
    )
    .onRequest(
      on.prompt,
      answered(async ({ params, client: editor }) => {
        const session = sessions.get(params.sessionId);
        return sessions.prompt(session, promptText(params.prompt, session.place.workspace), editor);
      }),
    )
    .onNotification(on.cancel, async ({ params: { sessionId } }) => {
      const session = sessions.find(sessionId);
      if (session !== undefined) await cancelTurns(session);
    });

  return { app, closeAll: sessions.closeAll };
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

/** The part of an answer that describes the opened session. */
function stateOf({ choices, models }: OpenSession) {
  return { modes: modeState(choices), configOptions: configOptions(choices, models) };
}

/** Tells the editor of another mode, in both forms. */
async function tellMode({ id, choices, models }: OpenSession, editor: AgentContext): Promise<void> {
  const updates: readonly SessionUpdate[] = [
    { sessionUpdate: 'current_mode_update', currentModeId: choices.mode },
    { sessionUpdate: 'config_option_update', configOptions: configOptions(choices, models) },
  ];
  for (const update of updates) await editor.notify(methods.client.session.update, { sessionId: id, update });
}
