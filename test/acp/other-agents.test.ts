// An editor whose prompts are answered by another agent of the server, which speaks ACP itself.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { McpServer } from '@agentclientprotocol/sdk/unstable';
import { expect, test } from 'vitest';
import type { Step } from '../agent/acp/script.ts';
import { acpConfig } from '../agent/acp/start-acp.ts';
import { serve, temporaryFolder } from '../cli/run-cli.ts';
import { newSession, prompt, startEditor } from './start-acp.ts';

async function startOtherAgent() {
  const home = temporaryFolder();
  const workspace = join(home, 'workspace');
  mkdirSync(workspace);
  const config = { agents: acpConfig(home), agent: 'scripted', workspace };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  await serve(home);
  const editor = await startEditor(home, {
    onPermission: async () => ({ outcome: { outcome: 'selected', optionId: 'allow' } }),
  });
  return { editor, workspace, sessionId: await newSession(editor, workspace) };
}

test('its text, plan and questions reach the editor', async () => {
  const { editor, sessionId } = await startOtherAgent();
  const steps: readonly Step[] = [
    { think: 'first' },
    {
      update: {
        sessionUpdate: 'plan',
        entries: [{ content: 'look', priority: 'high', status: 'in_progress' }],
      },
    },
    { ask: { toolCallId: 'call-1', kind: 'execute', title: 'make', rawInput: { command: 'make' } } },
    { sayOutcome: true },
  ];
  expect(await prompt(editor, sessionId, JSON.stringify(steps))).toMatchObject({ stopReason: 'end_turn' });
  // Its option to allow this once.
  expect(JSON.parse(editor.text())).toEqual({ outcome: { outcome: 'selected', optionId: 'yes' } });
  expect(editor.of('plan')).toMatchObject([{ entries: [{ content: 'look', status: 'in_progress' }] }]);
  expect(editor.of('agent_thought_chunk')).toMatchObject([{ content: { text: 'first' } }]);
  const [question] = editor.permissions;
  expect(question?.toolCall).toMatchObject({ kind: 'execute', title: 'make', status: 'pending' });
  const id = question?.toolCall.toolCallId;
  const updates = editor.of('tool_call_update').filter(({ toolCallId }) => toolCallId === id);
  expect(updates).toMatchObject([{ status: 'completed' }]);
});

test('MCP servers of the editor do not keep it from opening a session', async () => {
  const { editor, workspace } = await startOtherAgent();
  const server: McpServer = { type: 'http', name: 'web', url: 'http://127.0.0.1:1/mcp', headers: [] };
  const sessionId = await newSession(editor, workspace, [server]);
  expect(await prompt(editor, sessionId, JSON.stringify([{ say: 'hi' }]))).toMatchObject({
    stopReason: 'end_turn',
  });
  expect(editor.running.output.stderr).toContain('does not use the MCP servers of the editor');
});
