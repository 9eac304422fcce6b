// Connections to the local server. Each verifies the server before anything else is sent: `server.json` may be stale,
// and the program that uses the port now must not get the API key. Verified on each connection, because a port can
// change hands at any time.

import { randomBytes } from 'node:crypto';
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isProof } from '../../base/identity-proof.ts';
import { CodeBuddyConnectionError } from '../errors.ts';

/** The server that the client expects. */
export interface ExpectedServer {
  readonly pid: number;
  readonly startedAt: string;
  /** The local key, known to both sides. */
  readonly localKey: string;
}

const patienceMs = 10_000;
const maxAnswerBytes = 16 * 1024;

/** An HTTP agent whose connections verify the server. */
export class ProvenAgent extends Agent {
  readonly #server: ExpectedServer;

  constructor(server: ExpectedServer, options: AgentOptions = {}) {
    super({ keepAlive: true, ...options });
    this.#server = server;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const socket = connect({
      host: String(options.host ?? '127.0.0.1'),
      port: Number(options.port),
      autoSelectFamily: true,
    });
    this.#prove(socket, hostHeader(options)).then(
      () => callback?.(null, socket),
      (error: unknown) => {
        socket.destroy();
        callback?.(error instanceof Error ? error : new Error(String(error)), socket);
      },
    );
    return undefined;
  }

  /** @throws CodeBuddyConnectionError `unproven`, or an error of the socket */
  async #prove(socket: Socket, host: string): Promise<void> {
    const challenge = randomBytes(32).toString('base64url');
    const text = await exchange(
      socket,
      `GET /health?challenge=${challenge} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n\r\n`,
    );
    const { pid, startedAt, localKey } = this.#server;
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const proof = proofIn(text);
    const facts = { challenge, address, port, pid, startedAt };
    if (proof !== undefined && isProof(proof, localKey, facts)) return;
    throw new CodeBuddyConnectionError(
      'unproven',
      `server.json names the server at ${host}, but it did not prove that it knows the local key, so no key was sent to it. It is another program or an older release. Restart the server, or name it with --url.`,
    );
  }
}

function hostHeader({ host, port }: ClientRequestArgs): string {
  const name = String(host ?? '127.0.0.1');
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Sends one request and returns its answer. The socket can then be used for other requests. */
function exchange(socket: Socket, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('data', take).off('error', settle).off('close', closed);
      if (error === undefined) resolve(received);
      else reject(error);
    };
    const closed = (): void => settle(unproven('closed the connection'));
    const take = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      if (received.length > maxAnswerBytes) settle(unproven('sent too much data'));
      else if (isComplete(received)) settle();
    };
    const timer = setTimeout(
      () => settle(unproven(`did not answer within ${patienceMs / 1000} s`)),
      patienceMs,
    );
    socket.on('data', take).on('error', settle).on('close', closed);
    socket.write(request);
  });
}

function unproven(what: string): CodeBuddyConnectionError {
  return new CodeBuddyConnectionError(
    'unproven',
    `The server that server.json names ${what} instead of proving its identity, so no key was sent to it.`,
  );
}

function isComplete(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /^content-length: *(\d+) *$/im.exec(answer.slice(0, head))?.[1];
  // Our server always sends a length.
  return length === undefined || answer.length >= head + 4 + Number(length);
}

function proofIn(answer: string): string | undefined {
  if (!/^HTTP\/1\.1 200 /.test(answer)) return undefined;
  try {
    const body: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    return typeof body === 'object' && body !== null && 'proof' in body && typeof body.proof === 'string'
      ? body.proof
      : undefined;
  } catch {
    // Not JSON, so another program.
    return undefined;
  }
}
