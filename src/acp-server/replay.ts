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
    for (const update of updatesOf(message, workspace)) await send(update);
}

function updatesOf(message: Message, workspace: string | undefined): readonly SessionUpdate[] {
  const { id, role, content, reasoning, tool } = message;
  if (role === 'tool' && tool !== undefined) return [callUpdate(message, tool, workspace)];
  const said = { messageId: id, content: { type: 'text', text: content } } as const;
  if (role === 'user') return [{ sessionUpdate: 'user_message_chunk', ...said }];
  const thought = { ...said, content: { type: 'text', text: reasoning ?? '' } } as const;
  return [
    ...(reasoning === undefined ? [] : [{ sessionUpdate: 'agent_thought_chunk' as const, ...thought }]),
    ...(content === '' ? [] : [{ sessionUpdate: 'agent_message_chunk' as const, ...said }]),
  ];
}

function callUpdate(
  { id, content }: Message,
  { name, params, isError }: NonNullable<Message['tool']>,
  workspace: string | undefined,
): SessionUpdate {
  const call = callOf(name, params);
  // It is not known what the call replaced, only that it created the file.
  const before = content.includes('"created":true') ? null : undefined;
  const diff = isError ? undefined : diffOf(call, workspace, before);
  return {
    sessionUpdate: 'tool_call',
    toolCallId: id,
    status: isError ? 'failed' : 'completed',
    ...viewOf(call, workspace),
    content: diff === undefined ? [plainContent(resultText(content))] : [diff],
    rawOutput: content,
  };
}
