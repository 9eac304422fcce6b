// A program that is started here and exchanges messages over its stdin and stdout, one JSON object per line: an MCP
// server or an agent. It leads a process group, which ends as a whole within a second.

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { decodeCut } from '../../base/text.ts';
import { launch } from '../launch.ts';
import { signalGroup } from '../process-group.ts';
import type { StartedProgram } from '../programs/started-program.ts';
import { type CallMark, createCallMarks } from './call-marks.ts';
import { shownStderrBytes } from './last-words.ts';
import { LineReader, type LineReaderOptions } from './line-reader.ts';

/** After its stdin is closed, a program has this long to exit; then it gets SIGTERM, */
const termAfterMs = 150;
/** and after this long SIGKILL. */
const killAfterMs = 500;
/** How long to wait for output after the process has exited. */
const drainMs = 150;
/** More than is shown: a secret that begins before it must be recognized. */
const stderrKeptBytes = 3 * shownStderrBytes;
/** Limit of unsent bytes, for a program that does not read. */
const maxUnsentBytes = 64 * 1024 * 1024;

export interface LineProcessOptions<Message> extends LineReaderOptions<Message> {
  readonly program: StartedProgram;
  /** Finds the processes that the program started, also those that left its group. @default a mark not kept on disk */
  readonly mark?: CallMark | undefined;
  /** Called with each piece of its stderr. */
  readonly onStderr?: (chunk: Buffer) => void;
  /** Called once, when it has ended with everything that it started. */
  readonly onClosed: () => void;
}

export class LineProcess<Message> {
  readonly program: StartedProgram;
  readonly #options: LineProcessOptions<Message>;
  readonly #mark: CallMark;
  readonly #reader: LineReader<Message>;
  #child: ChildProcessWithoutNullStreams | undefined;
  #stderr: Buffer = Buffer.alloc(0);
  #ending: string | undefined;
  #closing: Promise<void> | undefined;
  #markGone: () => void = () => undefined;
  readonly #gone = new Promise<void>((resolve) => {
    this.#markGone = resolve;
  });

  constructor(options: LineProcessOptions<Message>) {
    this.program = options.program;
    this.#options = options;
    this.#mark = options.mark ?? createCallMarks().create();
    this.#reader = new LineReader(options);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The end of its stderr; more than is shown, see `remarksOn`. */
  get stderr(): string {
    return decodeCut(this.#stderr);
  }

  /** The first line of its stdout that is not a message. */
  get garbage(): string | undefined {
    return this.#reader.garbage;
  }

  /**
   * Describes its end, as the end of "the program ..."; undefined while it runs, and if `close` ended it.
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
      this.#options.onStderr?.(chunk);
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

  /**
   * Does not wait until the program has read it.
   * @throws Error with the end of "the program ..." as its message
   */
  write(line: string): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new Error('has ended');
    if (stdin.writableLength > maxUnsentBytes) throw new Error('does not read its stdin');
    stdin.write(line);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) {
      this.#options.onClosed();
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

  /** Usually the exit follows. A program that runs on without stdout cannot answer, so it is closed. */
  #stdoutEnded(): void {
    const giveUp = (): void => {
      this.#ending ??= 'closed its stdout';
      void this.close();
    };
    // In a server that was held up, the timer comes before an exit that is known to the system.
    const timer = setTimeout(() => setImmediate(giveUp), drainMs);
    void this.#gone.then(() => clearTimeout(timer));
  }

  /** After its exit: ends the rest of its group and reads its last output. */
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
    this.#options.onClosed();
  }
}
