// Prism as a proxy in front of a server: it compares each answer with the document, and reports differences in a
// header.

import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { freePort } from '../free-port.ts';
import { programOf } from './tools.ts';

export interface Violation {
  readonly location: readonly string[];
  readonly severity: string;
  readonly message: string;
}

/** Starts it; resolves to its URL. Requests are not checked, so that the server also gets invalid ones. */
export async function startPrism(folder: string, upstream: string): Promise<string> {
  // Prism does not accept port 0.
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
