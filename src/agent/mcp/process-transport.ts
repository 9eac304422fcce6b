// Speaks to an MCP server that we start ourselves, over its stdin and stdout. The SDK has such a transport, too, but leaves the server's own
// children behind and takes up to four seconds to close; here the server leads a process group, which ends as a whole within a second.

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { type JSONRPCMessage, serializeMessage, type Transport } from '@modelcontextprotocol/client';
import { decodeCut } from '../../base/text.ts';
import { launch } from '../launch.ts';
import { signalGroup } from '../process-group.ts';
import { type CallMark, createCallMarks } from '../processes/call-marks.ts';
import { MessageReader } from './message-reader.ts';

/** After its stdin was closed, a server may end by itself for this long; then comes SIGTERM, */
const termAfterMs = 150;
/** and then SIGKILL. */
const killAfterMs = 500;
/** How long output may still come after the process is gone. */
const drainMs = 150;
const stderrBytes = 4096;
/** Beyond what is shown: a secret that begins before it must be known as one. */
const stderrKeptBytes = 3 * stderrBytes;
/** A server that reads nothing must not fill our memory. */
const maxUnsentBytes = 64 * 1024 * 1024;

export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** All of it; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export class ProcessTransport implements Transport {
  readonly program: ServerProgram;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  readonly #mark: CallMark;
  readonly #reader = new MessageReader((message) => this.onmessage?.(message));
  #child: ChildProcessWithoutNullStreams | undefined;
  #stderr: Buffer = Buffer.alloc(0);
  #ending: string | undefined;
  #closing: Promise<void> | undefined;
  #markGone: () => void = () => undefined;
  readonly #gone = new Promise<void>((resolve) => {
    this.#markGone = resolve;
  });

  /** `mark`: finds what the server started and what left its group. */
  constructor(program: ServerProgram, mark: CallMark = createCallMarks().create()) {
    this.program = program;
    this.#mark = mark;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The end of what the server wrote to its stderr: more than is to be shown, see `lastWords`. */
  get stderr(): string {
    return decodeCut(this.#stderr);
  }

  /** What it wrote to its stdout that is no message: its first line. */
  get garbage(): string | undefined {
    return this.#reader.garbage;
  }

  /** How the server came to its end, as the end of "the server ..."; undefined while it runs and if we ended it. */
  get ending(): string | undefined {
    return this.#ending;
  }

  /** @throws Error of `spawn` */
  async start(): Promise<void> {
    const { command, args, env, cwd } = this.program;
    const { child, started } = launch(command, args, {
      cwd,
      env: { ...env, ...this.#mark.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A process that could not be started may have no streams.
    if (child.pid === undefined) {
      try {
        await started;
      } finally {
        await this.#mark.end().catch(() => undefined);
      }
      return;
    }
    this.#child = child;
    child.once('exit', (code, signal) => {
      if (this.#closing === undefined)
        this.#ending ??= signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      void this.#finish(child);
    });
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    child.stdout.once('end', () => this.#stdoutEnded());
    child.stderr.on('data', (chunk: Buffer) => {
      // A copy: a part of a chunk would keep all of it in memory.
      const both = Buffer.concat([this.#stderr, chunk.subarray(-stderrKeptBytes)]);
      this.#stderr = Buffer.from(both.subarray(-stderrKeptBytes));
    });
    // A pipe that breaks: the exit says the rest.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdout.on('error', () => child.stdout.destroy());
    child.stderr.on('error', () => child.stderr.destroy());
    await started;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new Error('The server has ended.');
    if (stdin.writableLength > maxUnsentBytes) throw new Error('The server does not read what it is sent.');
    // Not awaited until it is read: whoever waits for an answer has a time-out of its own.
    stdin.write(serializeMessage(message));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) {
      this.onclose?.();
      return;
    }
    // A parent that has ended tells no longer of its children.
    this.#mark.noteTree(child.pid);
    child.stdin.end();
    const signal = (name: NodeJS.Signals): void => {
      // Once it is gone, its group is dealt with, and the number may soon be another's.
      if (child.exitCode === null && child.signalCode === null) signalGroup(child, name);
    };
    const timers = [
      setTimeout(() => signal('SIGTERM'), termAfterMs),
      setTimeout(() => signal('SIGKILL'), killAfterMs),
    ];
    await this.#gone;
    for (const timer of timers) clearTimeout(timer);
  }

  #read(chunk: Buffer): void {
    if (this.#closing !== undefined) return;
    try {
      this.#reader.add(chunk);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#ending ??= error.message;
      void this.close();
    }
  }

  /** Usually its exit follows; a server that lives on without stdout can answer nothing any more. */
  #stdoutEnded(): void {
    const timer = setTimeout(() => {
      this.#ending ??= 'closed its stdout';
      void this.close();
    }, drainMs);
    void this.#gone.then(() => clearTimeout(timer));
  }

  /** After the server's exit: whoever is left in its group goes too, and what it wrote last is read. */
  async #finish(child: ChildProcessWithoutNullStreams): Promise<void> {
    signalGroup(child, 'SIGKILL');
    // What cannot be listed, or ended, must not keep the server from being closed.
    await this.#mark.end().catch(() => undefined);
    const streams = [child.stdout, child.stderr];
    let timer: NodeJS.Timeout | undefined;
    // A process that left the group may hold the pipes for as long as it likes.
    const givenUp = new Promise((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    const closed = streams.map((stream) =>
      stream.closed ? undefined : new Promise((resolve) => stream.once('close', resolve)),
    );
    await Promise.race([Promise.all(closed), givenUp]);
    clearTimeout(timer);
    for (const stream of [child.stdin, ...streams]) stream.destroy();
    this.#closing ??= Promise.resolve();
    this.#markGone();
    this.onclose?.();
  }
}

/** The last 4 KiB of a text, not from within a character. */
export function lastWords(text: string): string {
  const bytes = Buffer.from(text.trim());
  if (bytes.length <= stderrBytes) return bytes.toString('utf8');
  let start = bytes.length - stderrBytes;
  while (((bytes[start] as number) & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString('utf8').trim();
}
