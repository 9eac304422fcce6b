// A session that the editor has open: its choices, its MCP servers, and its prompts that are under way.

import type { AgentContext } from '@agentclientprotocol/sdk/unstable';
import { methods } from '@agentclientprotocol/sdk/unstable';
import { shorten } from '../base/text.ts';
import { CodeBuddyApiError, type CodeBuddyClient, type Model } from '../client/index.ts';
import type { McpServers } from './mcp-servers.ts';
import type { Place } from './server-link.ts';
import type { Choices } from './session-options.ts';
import type { Turn } from './turn.ts';

const maxTitleLength = 60;
/** The session has no MCP servers anyway. */
const goneCodes = ['session_not_found', 'not_supported_by_agent'];

export interface OpenSession {
  readonly id: string;
  /** The folder of the editor. */
  readonly cwd: string;
  readonly client: CodeBuddyClient;
  readonly place: Place;
  /** Those to choose from. */
  readonly models: readonly Model[];
  /** Those of the editor. The server loses them when it restarts. */
  readonly mcpServers: McpServers;
  choices: Choices;
  /** The first prompt becomes the title. */
  needsTitle: boolean;
  readonly turns: Set<Turn>;
}

/** Gives the session the first words of its first prompt as a title. */
export async function giveTitle(session: OpenSession, prompt: string, editor: AgentContext): Promise<void> {
  if (!session.needsTitle) return;
  session.needsTitle = false;
  const title = shorten(prompt.trim().replaceAll(/\s+/g, ' '), maxTitleLength);
  await session.client.sessions.update(session.id, { title });
  const update = { sessionUpdate: 'session_info_update', title } as const;
  await editor.notify(methods.client.session.update, { sessionId: session.id, update });
}

/**
 * Gives the server the MCP servers of the session. This changes nothing if it has them. False if the agent of the session
 * takes none.
 */
export async function sendMcpServers({ id, client, mcpServers }: OpenSession): Promise<boolean> {
  if (Object.keys(mcpServers).length === 0) return true;
  try {
    await client.sessions.setMcpServers(id, mcpServers);
    return true;
  } catch (error) {
    if (error instanceof CodeBuddyApiError && error.code === 'not_supported_by_agent') return false;
    throw error;
  }
}

/** Ends the MCP servers of the session. */
export async function endMcpServers(session: OpenSession): Promise<void> {
  if (Object.keys(session.mcpServers).length === 0) return;
  await session.client.sessions.setMcpServers(session.id, {}).catch((error: unknown) => {
    const isGone = error instanceof CodeBuddyApiError && goneCodes.includes(error.code);
    if (!isGone) throw error;
  });
}

/** Resolves when the server has cancelled the runs of the session's prompts. */
export async function cancelTurns({ turns }: OpenSession): Promise<void> {
  await Promise.all([...turns].map((turn) => turn.cancel()));
}
