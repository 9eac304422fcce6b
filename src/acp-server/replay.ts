// Sends the messages of a session to the editor, oldest first, when the editor loads the session.

import type { SessionUpdate } from '@agentclientprotocol/sdk/unstable';
import type { CodeBuddyClient, Message } from '../client/index.ts';
import { plainContent, resultText } from './call-result.ts';
import { callOf, diffOf, viewOf } from './call-view.ts';
import type { SendUpdate } from './tool-calls.ts';

export async function replay(
  client: CodeBuddyClient,
  sessionId: string,
  workspace: string | undefined,
  send: SendUpdate,
): Promise<void> {
  for await (const message of client.sessions.messages(sessionId, { limit: 100 }))
    await send(updateOf(message, workspace));
}

function updateOf({ id, role, content, tool }: Message, workspace: string | undefined): SessionUpdate {
  if (role === 'tool' && tool !== undefined) {
    const call = callOf(tool.name, tool.params);
    const before = /"created":true/.test(content) ? null : undefined;
    const diff = tool.isError ? undefined : diffOf(call, workspace, before);
    const text = resultText(content);
    return {
      sessionUpdate: 'tool_call',
      toolCallId: id,
      status: tool.isError ? 'failed' : 'completed',
      ...viewOf(call, workspace),
      content: diff === undefined ? [plainContent(text)] : [diff],
      rawOutput: content,
    };
  }
  return {
    sessionUpdate: role === 'user' ? 'user_message_chunk' : 'agent_message_chunk',
    messageId: id,
    content: { type: 'text', text: content },
  };
}
