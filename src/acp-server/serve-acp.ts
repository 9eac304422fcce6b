// Serves an editor that speaks the Agent Client Protocol on two streams, until the editor leaves.

import type { Readable, Writable } from 'node:stream';
import { ndJsonStream } from '@agentclientprotocol/sdk/unstable';
import { type AgentAppOptions, createAcpAgent } from './agent-app.ts';

export interface ServeOptions extends AgentAppOptions {
  readonly input: Readable;
  /** Gets lines of JSON-RPC and nothing else. */
  readonly output: Writable;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  /** Let runs continue when the editor has left, instead of cancelling them. */
  readonly detach: boolean;
}

/** Resolves when the editor has left and its runs are cancelled. */
export async function serveAcp({ input, output, signal, detach, ...options }: ServeOptions): Promise<void> {
  const { app, closeAll } = createAcpAgent(options);
  const connection = app.connect(ndJsonStream(writableOf(output), readableOf(input)));
  const close = (): void => connection.close(new Error('The agent is stopping.'));
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  await connection.closed;
  signal.removeEventListener('abort', close);
  if (!detach) await closeAll();
}

function readableOf(input: Readable): ReadableStream<Uint8Array> {
  let isOpen = true;
  return new ReadableStream({
    start(controller) {
      const end = (): void => {
        if (isOpen) controller.close();
        isOpen = false;
      };
      input.on('data', (chunk: Buffer) => {
        if (isOpen) controller.enqueue(chunk);
      });
      input.on('end', end).on('close', end).on('error', end);
    },
    cancel() {
      isOpen = false;
      input.destroy();
    },
  });
}

function writableOf(output: Writable): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (chunk) =>
      new Promise((resolve, reject) => {
        output.write(chunk, (error) => (error ? reject(error) : resolve()));
      }),
  });
}
