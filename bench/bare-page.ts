// A page with one style sheet and one script that draws a heading, on node:http in a process of its own: the least that
// a page like the dashboard can do.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { stop } from './server-process.ts';

const files: Readonly<Record<string, readonly [mediaType: string, text: string]>> = {
  '/': [
    'text/html',
    '<!doctype html><meta charset="utf-8"><title>Bare</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/main.css"><script type="module" src="/main.js"></script><div id="app"></div>',
  ],
  '/main.css': ['text/css', 'h1 { font: 20px sans-serif }'],
  '/main.js': ['text/javascript', "document.getElementById('app').innerHTML = '<h1>Bare</h1>';"],
};

export interface BarePage {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startBarePage(): Promise<BarePage> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [] });
  const [url] = (await once(child, 'message')) as [string];
  return { url, stop: () => stop(child) };
}

if (import.meta.main) {
  const server = createServer((request, response) => {
    const [mediaType, text] = files[request.url ?? ''] ?? ['text/plain', 'not found'];
    response.writeHead(200, { 'Content-Type': `${mediaType}; charset=utf-8`, 'Cache-Control': 'no-store' });
    response.end(text);
  }).listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.(`http://127.0.0.1:${address.port}`);
  });
}
