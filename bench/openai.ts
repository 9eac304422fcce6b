// Compares the two ways to send a prompt, on one server whose offline agent answers: `POST /v1/chat/completions`, and
// `POST /api/prompt`. The difference is the translation, and the name under which the session is found again.
//
//   node bench/openai.ts

import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { postRequest, requestRate } from './request-rate.ts';
import { alternate, spreadOf } from './rounds.ts';
import { cpuMs, type Served, startServer } from './server-process.ts';

const connections = 8;
const rounds = 7;
const roundSeconds = 2;

const asPrompt = { path: '/api/prompt', body: { prompt: 'help' } };
const asChat = {
  path: '/v1/chat/completions',
  body: { model: 'codebuddy', messages: [{ role: 'user', content: 'help' }] },
};

function measure({ port, apiKey }: Served, { path, body }: typeof asPrompt | typeof asChat): Promise<number> {
  const headers = [`Authorization: Bearer ${apiKey}`];
  const request = postRequest({ port, path, headers, body: JSON.stringify(body) });
  return requestRate({ port, connections, seconds: roundSeconds, request });
}

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const server = await startServer({ folder, config: { models: ['offline'] } });
    /** The CPU time of a request in each round, in ms. It says more than the rate on a busy machine. */
    const cpu = { chat: [] as number[], prompt: [] as number[] };
    const round = async (load: typeof asPrompt | typeof asChat, spent: number[]): Promise<number> => {
      const before = cpuMs(server.pid);
      const rate = await measure(server, load);
      spent.push((cpuMs(server.pid) - before) / (rate * roundSeconds));
      return rate;
    };
    try {
      for (const load of [asChat, asPrompt]) await measure(server, load);
      const { ours, bare, ratio } = await alternate(
        rounds,
        () => round(asChat, cpu.chat),
        () => round(asPrompt, cpu.prompt),
      );
      const [chat, prompt] = [spreadOf(cpu.chat), spreadOf(cpu.prompt)];
      const perRequest = cpu.chat.map((ms, index) => ms / (cpu.prompt[index] ?? Number.NaN));
      return {
        name: 'openai',
        rows: [
          rowOf({
            what: `POST /v1/chat/completions on the offline agent, ${connections} connections / POST /api/prompt`,
            measured: ratio,
            target: { atLeast: 0.9 },
            seen: `${wholeText(ours.median)} / s, POST /api/prompt ${wholeText(bare.median)} / s`,
          }),
          rowOf({
            what: 'CPU of the server for POST /v1/chat/completions / for POST /api/prompt',
            measured: spreadOf(perRequest),
            seen: `${chat.median.toFixed(2)} ms, POST /api/prompt ${prompt.median.toFixed(2)} ms`,
          }),
        ],
      };
    } finally {
      await server.stop();
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printRows((await run()).rows);
