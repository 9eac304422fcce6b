// Measures how much of each request a provider can take from its cache: over ten prompts with tools, the share of a
// request's bytes with which the next request begins.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAgent } from '../src/agent/agent.ts';
import type { AgentOptions } from '../src/agent/agent-options.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { openModelServer } from '../test/agent/model-server-open.ts';
import type { ModelReply, ModelRequest } from '../test/agent/model-server-types.ts';
import { sharedPrefix } from '../test/agent/prompt-prefix.ts';
import { type BenchResult, type BenchRow, rowOf } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { spreadOf } from './rounds.ts';

const prompts = 10;
/** Percent. */
const target = 95;

type Choice = Pick<AgentOptions, 'models' | 'providers' | 'environment'>;
const wires: Readonly<Record<string, (url: string) => Choice>> = {
  'OpenAI chat': (url) => ({
    models: ['local/m'],
    providers: { local: { baseURL: `${url}/v1` } },
    environment: {},
  }),
  'OpenAI responses': (url) => ({
    models: ['openai/gpt-test'],
    environment: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${url}/v1` },
  }),
  Anthropic: (url) => ({
    models: ['anthropic/claude-test'],
    environment: { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${url}/v1` },
  }),
  Google: (url) => ({
    models: ['google/gemini-3-test'],
    environment: { GEMINI_API_KEY: 'k', GOOGLE_BASE_URL: `${url}/v1beta` },
  }),
};

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const rows: BenchRow[] = [];
    for (const [name, choose] of Object.entries(wires)) rows.push(await measure(folder, name, choose));
    return { name: 'history', rows };
  });
}

async function measure(folder: string, name: string, choose: (url: string) => Choice): Promise<BenchRow> {
  const workspace = join(folder, name.replace(' ', '-'));
  mkdirSync(workspace);
  writeFileSync(join(workspace, 'notes.txt'), 'a line of notes\n'.repeat(200));
  const server = await openModelServer(reply);
  const store = await openSqliteStore({ path: `${workspace}.db` });
  const log = createEventLog({ store });
  const agent = await createAgent({ store, log, workspace, permissionMode: 'full', ...choose(server.url) });
  try {
    const { id: sessionId } = await agent.sessions.create({});
    for (let n = 1; n <= prompts; n++) {
      const { result } = await agent.runs.start({
        prompt: `task ${n}`,
        sessionId,
        options: {},
        requestId: 'bench',
      });
      await result;
    }
    const { requests } = server;
    const shares = requests
      .slice(1)
      .map((request, index) => sharedPrefix(requests[index] as ModelRequest, request));
    return rowOf({
      what: `bytes of a request that begin the next, at least (${name}, ${prompts} prompts with tools)`,
      measured: spreadOf([Math.min(...shares) * 100]),
      unit: '%',
      target: { atLeast: target },
    });
  } finally {
    await agent.close(0);
    await log.close();
    await store.close();
    await server.close();
  }
}

/** Two calls at once, then one, then an answer. */
function reply({ messages }: ModelRequest): ModelReply {
  const prompt = messages.findLastIndex(({ role }) => role === 'user');
  const steps = messages.slice(prompt).filter(({ role }) => role === 'tool').length;
  const read = { name: 'read_file', arguments: { path: 'notes.txt', offset: 1 + steps, limit: 40 } };
  if (steps === 0)
    return {
      kind: 'answer',
      reasoning: 'Look first.',
      text: 'I look.',
      toolCalls: [read, { name: 'list_directory', arguments: {} }],
    };
  if (steps === 1) return { kind: 'answer', reasoning: 'And on.', toolCalls: [read] };
  return { kind: 'answer', text: 'Done.' };
}
