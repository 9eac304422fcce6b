// The sessions that the editor has open on this connection: opening, prompting and closing them.

import type { AgentContext, McpServer, PromptResponse } from '@agentclientprotocol/sdk/unstable';
import type { CodeBuddyClient, Session } from '../client/index.ts';
import { mcpServersOf } from './mcp-servers.ts';
import { cancelTurns, endMcpServers, giveTitle, type OpenSession, sendMcpServers } from './open-session.ts';
import { invalidParams, sessionNotFound, toRequestError } from './request-errors.ts';
import { requireAbsolute, requireWorkspace } from './require-workspace.ts';
import { defaultMode, findModels } from './server-choices.ts';
import type { Place, ServerLink } from './server-link.ts';
import { Turn } from './turn.ts';

/** The common parameters of the requests that open a session. */
export interface Opening {
  readonly cwd: string;
  readonly additionalDirectories?: readonly string[];
  readonly mcpServers?: readonly McpServer[];
}

/** A server that works in the editor's folder. */
export interface Reached {
  readonly client: CodeBuddyClient;
  readonly place: Place;
}

export interface OpenSessions {
  find(id: string): OpenSession | undefined;
  /** @throws RequestError if the session is not open */
  get(id: string): OpenSession;
  /** Connects, and checks that the server works in the editor's folder. @throws RequestError */
  reach(opening: Opening): Promise<Reached>;
  /** Opens a session of the server. One that is open gets other MCP servers. `isNew`: it needs a title. */
  open(session: Session, opening: Opening, reached: Reached, isNew?: boolean): Promise<OpenSession>;
  /** Resolves when the run has ended. */
  prompt(session: OpenSession, text: string, editor: AgentContext): Promise<PromptResponse>;
  /** Cancels the prompts of the session, and ends its MCP servers. @throws RequestError if it is not open */
  close(id: string): Promise<void>;
  closeAll(): Promise<void>;
}

export function createOpenSessions(server: ServerLink, log: (message: string) => void): OpenSessions {
  const sessions = new Map<string, OpenSession>();

  function get(id: string): OpenSession {
    const session = sessions.get(id);
    if (session === undefined) throw sessionNotFound(id);
    return session;
  }

  async function close(id: string): Promise<void> {
    const session = get(id);
    sessions.delete(id);
    await cancelTurns(session);
    await endMcpServers(session);
  }

  return {
    find: (id) => sessions.get(id),
    get,
    async reach({ cwd, additionalDirectories = [] }) {
      if (additionalDirectories.length > 0)
        throw invalidParams('additionalDirectories is not supported: the agent works in one folder.');
      requireAbsolute(cwd);
      const client = await server.connect(cwd);
      const place = await server.place(client);
      requireWorkspace(cwd, place);
      return { client, place };
    },
    async open({ id }, { cwd, mcpServers = [] }, { client, place }, isNew = false) {
      const before = sessions.get(id);
      const session: OpenSession = {
        id,
        cwd,
        client,
        place,
        models: await findModels(client),
        mcpServers: mcpServersOf(mcpServers),
        choices: before?.choices ?? { mode: await defaultMode(client), model: undefined },
        needsTitle: before?.needsTitle ?? isNew,
        turns: before?.turns ?? new Set(),
      };
      if (before !== undefined && mcpServers.length === 0) await endMcpServers(before);
      if (!(await sendMcpServers(session)))
        log(`The agent of the session ${id} does not use the MCP servers of the editor.`);
      sessions.set(id, session);
      return session;
    },
    async prompt(session, text, editor) {
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
        // It may have been opened again, with other MCP servers.
        prepare: async () => void (await sendMcpServers(sessions.get(sessionId) ?? session)),
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
    },
    close,
    async closeAll() {
      const closed = await Promise.allSettled([...sessions.keys()].map(close));
      for (const one of closed) if (one.status === 'rejected') log(toRequestError(one.reason).message);
    },
  };
}
