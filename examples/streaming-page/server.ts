// A page that shows an answer as it is written. This small server keeps the API key. The page gets a ticket, which
// opens one stream and nothing else, and reads it from the Code Buddy API directly.
//
//   codebuddy serve --cors http://127.0.0.1:8070
//   node examples/streaming-page/server.ts          then open http://127.0.0.1:8070

import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { CodeBuddyClient } from '../../src/client/index.ts'; // in your project: from 'codebuddy-api/client'

const page = readFileSync(new URL('index.html', import.meta.url));
/** Finds the local server and its key. */
const client = new CodeBuddyClient();
const maxBodyBytes = 64 * 1024;

const server = createServer(async (request, response) => {
  try {
    if (request.method === 'GET' && request.url === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    } else if (request.method === 'POST' && isOwnPage(request.headers)) {
      const text = await readText(request);
      // In your own service: check here who the visitor is, and what they may ask.
      const answer =
        request.url === '/prompt'
          ? await start(text)
          : request.url === '/resume'
            ? await resume(text)
            : undefined;
      if (answer === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } else response.writeHead(404).end();
  } catch (error) {
    response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(error instanceof Error ? error.message : String(error));
  }
});

/** Starts a run that may only read, and returns the URL of its stream. */
async function start(prompt: string): Promise<{ readonly runId: string; readonly stream: string }> {
  const { id: runId } = await client.runs.start({ prompt, options: { permissionMode: 'read-only' } });
  return { runId, stream: await client.streamTickets.url({ runId, deltas: true }) };
}

/** The URL that continues a stream: a ticket works once, so a broken connection needs another one. */
async function resume(text: string): Promise<{ readonly stream: string }> {
  const { runId, after } = JSON.parse(text) as { runId: string; after: number };
  return { stream: await client.streamTickets.url({ runId, after, deltas: true }) };
}

/** Other pages in the visitor's browser must not start runs here. */
function isOwnPage({ origin, host }: IncomingHttpHeaders): boolean {
  return origin === `http://${host}` && (host ?? '').startsWith('127.0.0.1:');
}

async function readText(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new Error('The prompt is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

server.listen(Number(process.env.PORT ?? 8070), '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    console.log(`listening on http://127.0.0.1:${address.port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
    client.close();
  });
}
