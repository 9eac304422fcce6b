// Transport to an MCP server that is started here, over its stdin and stdout. The SDK's own transport leaves the
// server's children running and takes up to four seconds to close; here the server leads a process group, which ends as
// a whole within a second.

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { decodeCut } from '../../base/text.ts';
import { launch } from '../launch.ts';
import { signalGroup } from '../process-group.ts';
import { type CallMark, createCallMarks } from '../processes/call-marks.ts';
import type { StartedProgram } from '../programs/started-program.ts';
import { MessageReader } from './message-reader.ts';
import { sdk } from './sdk.ts';

/** After its stdin is closed, a server has this long to exit; then it gets SIGTERM, */
const termAfterMs = 150;
/** and after this long SIGKILL. */
const killAfterMs = 500;
/** How long to wait for output after the process has exited. */
const drainMs = 150;
const stderrBytes = 4096;
/** More than is shown: a secret that begins before it must be recognized. */
const stderrKeptBytes = 3 * stderrBytes;
/** Limit of unsent bytes, for a server that does not read. */
const maxUnsentBytes = 64 * 1024 * 1024;

export class ProcessTransport implements Transport {
  readonly program: StartedProgram;
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

  /** `mark` finds the processes that the server started, also those that left its group. */
  constructor(program: StartedProgram, mark: CallMark = createCallMarks().create()) {
    this.program = program;
    this.#mark = mark;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The end of the server's stderr; more than is shown, see `lastWords`. */
  get stderr(): string {
    return decodeCut(this.#stderr);
  }

  /** The first line of its stdout that is not a message. */
  get garbage(): string | undefined {
    return this.#reader.garbage;
  }

  /**
   * Describes the end of the server, as the end of "the server ..."; undefined while it runs, and if `close` ended it.
   */
  get ending(): string | undefined {
    return this.#ending;
  }

  /** @throws the errors of `spawn` */
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
      // A copy: a slice would keep the whole chunk in memory.
      const both = Buffer.concat([this.#stderr, chunk.subarray(-stderrKeptBytes)]);
      this.#stderr = Buffer.from(both.subarray(-stderrKeptBytes));
    });
    // A broken pipe: the exit reports the reason.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdout.on('error', () => child.stdout.destroy());
    child.stderr.on('error', () => child.stderr.destroy());
    await started;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new Error('The server has ended.');
    if (stdin.writableLength > maxUnsentBytes) throw new Error('The server does not read its stdin.');
    // Not awaited: every request has its own timeout.
    stdin.write(sdk().serializeMessage(message));
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
    // Before its exit: afterwards its children cannot be found.
    this.#mark.noteTree(child.pid);
    child.stdin.end();
    const signal = (name: NodeJS.Signals): void => {
      // After its exit, `#finish` ends its group, and the pid may be reused.
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

  /** Usually the exit follows. A server that runs on without stdout cannot answer, so it is closed. */
  #stdoutEnded(): void {
    const timer = setTimeout(() => {
      this.#ending ??= 'closed its stdout';
      void this.close();
    }, drainMs);
    void this.#gone.then(() => clearTimeout(timer));
  }

  /** After the server's exit: ends the rest of its group and reads its last output. */
  async #finish(child: ChildProcessWithoutNullStreams): Promise<void> {
    signalGroup(child, 'SIGKILL');
    // A process that cannot be listed or ended must not prevent closing.
    await this.#mark.end().catch(() => undefined);
    const streams = [child.stdout, child.stderr];
    let timer: NodeJS.Timeout | undefined;
    // A process that left the group may keep the pipes open for ever.
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

/** The last 4 KiB of a text, without half characters. */
export function lastWords(text: string): string {
  const bytes = Buffer.from(text.trim());
  if (bytes.length <= stderrBytes) return bytes.toString('utf8');
  let start = bytes.length - stderrBytes;
  while (((bytes[start] as number) & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString('utf8').trim();
}
