// A model server in its own process that speaks OpenAI's chat completions. The model's name selects its behaviour: `quick` answers at once, `steps-20`
// calls a tool 20 times first, `deltas-200000` streams that many small deltas, `slow-3000` takes that many ms.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openModelServer } from '../test/agent/model-server-open.ts';
import type { ModelReply, ModelRequest } from '../test/agent/model-server-types.ts';

export interface ModelProcess {
  /** With `/v1`. */
  readonly baseURL: string;
  stop(): Promise<void>;
}

export async function startModelProcess(): Promise<ModelProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: [] });
  const [url] = (await once(child, 'message')) as [string];
  return {
    baseURL: `${url}/v1`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

const pieces = new Map<number, readonly string[]>();

function reply({ model, messages }: ModelRequest): ModelReply {
  const [kind, text = '0'] = model.split('-');
  const number = Number(text);
  if (kind === 'steps') {
    const results = messages.filter(({ role }) => role === 'tool').length;
    if (results < number) return { kind: 'answer', toolCalls: [{ name: 'list_directory', arguments: {} }] };
  }
  if (kind === 'deltas') {
    const all = pieces.get(number) ?? Array.from({ length: number }, (_, i) => ` w${i % 10}`);
    pieces.set(number, all);
    return { kind: 'answer', text: all };
  }
  return { kind: 'answer', text: 'Done.', ...(kind === 'slow' ? { delayMs: number } : {}) };
}

if (process.argv[2] === 'serve' && process.send !== undefined) {
  const server = await openModelServer(reply);
  process.send(server.url);
  process.once('disconnect', () => process.exit(0));
}
