// Compares the two ways to send a prompt, on one server whose offline agent answers: `POST /v1/chat/completions`, and
// `POST /api/prompt`. The difference is the translation, and the name under which the session is found again.
//
//   node bench/openai.ts

import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { requestRate } from './request-rate.ts';
import { alternate } from './rounds.ts';
import { type Served, startServer } from './server-process.ts';

const connections = 8;
const rounds = 7;
const roundSeconds = 2;

const asPrompt = { path: '/api/prompt', body: { prompt: 'help' } };
const asChat = {
  path: '/v1/chat/completions',
  body: { model: 'codebuddy', messages: [{ role: 'user', content: 'help' }] },
};

function measure({ port, apiKey }: Served, { path, body }: typeof asPrompt | typeof asChat): Promise<number> {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: keep-alive',
    `Authorization: Bearer ${apiKey}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  const request = `${head.join('\r\n')}\r\n\r\n${text}`;
  return requestRate({ port, connections, seconds: roundSeconds, request });
}

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const server = await startServer({ folder, config: { models: ['offline'] } });
    try {
      for (const load of [asChat, asPrompt]) await measure(server, load);
      const { ours, bare, ratio } = await alternate(
        rounds,
        () => measure(server, asChat),
        () => measure(server, asPrompt),
      );
      const what = `POST /v1/chat/completions on the offline agent, ${connections} connections / POST /api/prompt`;
      const seen = `${wholeText(ours.median)} / s, POST /api/prompt ${wholeText(bare.median)} / s`;
      return { name: 'openai', rows: [rowOf({ what, measured: ratio, target: { atLeast: 0.9 }, seen })] };
    } finally {
      await server.stop();
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printRows((await run()).rows);
