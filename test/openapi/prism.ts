// Prism as a proxy before a server: it compares each answer with the document, and says in a header what does not fit.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { programOf } from './tools.ts';

export interface Violation {
  readonly location: readonly string[];
  readonly severity: string;
  readonly message: string;
}

/** Starts it; resolves to its URL. Requests pass unchecked: the server shall see the bad ones too. */
export async function startPrism(folder: string, upstream: string): Promise<string> {
  const port = await freePort();
  const args = ['proxy', 'openapi.json', upstream, '--port', String(port), '--validate-request', 'false'];
  const child = spawn(process.execPath, [programOf('prism'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Prism does not listen: ${output}`)), 120_000);
    const read = (chunk: Buffer): void => {
      output += chunk;
      if (!output.includes('Prism is listening')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`Prism ended with ${code}: ${output}`));
    });
  });
  return `http://127.0.0.1:${port}`;
}

export function violationsOf(headers: Headers): readonly Violation[] {
  const given = headers.get('sl-violations');
  return given === null ? [] : (JSON.parse(given) as Violation[]);
}

/** Prism takes no port 0. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(),
      );
    });
  });
}
