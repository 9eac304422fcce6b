// Sends bytes to a server and reads the whole answer: for requests that no client library would send.

import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

/**
 * Sends `parts` one after the other (a number is a pause in ms). Reads until the server ends the connection or
 * `answers` have arrived.
 */
export async function sendRaw(
  port: number,
  parts: string | readonly (string | Buffer | number)[],
  options: { readonly answers?: number } = {},
): Promise<readonly RawAnswer[]> {
  const socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  const wanted = options.answers ?? Number.POSITIVE_INFINITY;
  const ended = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`No end after ${WAIT_LIMIT_MS} ms; got: ${Buffer.concat(chunks).toString()}`));
    }, WAIT_LIMIT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (parseAnswers(Buffer.concat(chunks)).length >= wanted) done();
    });
    socket.on('close', done);
    socket.on('end', done);
    // A reset after the answer is an end, too; the test gets the bytes before it.
    socket.on('error', done);
  });
  for (const part of typeof parts === 'string' ? [parts] : parts) {
    if (typeof part === 'number') await wait(part);
    else if (socket.writable) socket.write(part);
  }
  await ended;
  socket.destroy();
  return parseAnswers(Buffer.concat(chunks));
}

/** One request, one answer. */
export async function sendOne(port: number, parts: Parameters<typeof sendRaw>[1]): Promise<RawAnswer> {
  const [answer] = await sendRaw(port, parts, { answers: 1 });
  if (answer === undefined) throw new Error('The server ended the connection without an answer');
  return answer;
}

function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let text = bytes.toString('latin1');
  while (text.startsWith('HTTP/1.1 ')) {
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) break;
    const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const length = Number(headers['content-length'] ?? 0);
    const rest = text.slice(headEnd + 4);
    if (rest.length < length) break;
    const body = rest.slice(0, length);
    text = rest.slice(length);
    if (status === 100) continue;
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(body, 'latin1').toString());
    } catch {
      // Not JSON.
    }
    answers.push({ status, headers, body, json });
  }
  return answers;
}
