// One agent: starts its program when a run needs it, shares it between all sessions, and ends it when it is idle. A
// program that has ended is started again for the next run.

import { CodeBuddyError } from '../../base/errors.ts';
import { type Redactor, secretVariables } from '../../base/redaction.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import { AgentEnded } from './acp-errors.ts';
import { AcpProcess } from './acp-process.ts';
import type { Timers } from './acp-types.ts';
import type { AgentConfig } from './agent-config.ts';
import { type AgentSurroundings, agentProgram } from './agent-program.ts';

/** A process that must not be used any more is ended when its other turns have ended, at the latest after this time. */
const drainMs = 30_000;

export interface AcpAgentOptions {
  readonly config: AgentConfig;
  readonly surroundings: AgentSurroundings;
  readonly marks: CallMarks;
  readonly redactor: Redactor;
  readonly version: string;
  readonly timers: Timers;
  readonly warn: (message: string) => void;
}

/** A turn's hold on the process. */
export interface Lease {
  readonly process: AcpProcess;
  release(): void;
  /** The process does not obey: it serves no more turns, and ends as soon as no other turn runs. */
  abandon(): void;
}

interface Running {
  readonly process: AcpProcess;
  readonly started: Promise<void>;
  users: number;
  isAbandoned: boolean;
  stopTimer: () => void;
}

export class AcpAgent {
  readonly config: AgentConfig;
  readonly redact: (text: string) => string;
  readonly #options: AcpAgentOptions;
  readonly #all = new Set<Running>();
  #current: Running | undefined;
  #isClosed = false;

  constructor(options: AcpAgentOptions) {
    this.config = options.config;
    this.#options = options;
    const { serverEnvironment } = options.surroundings;
    const passed = options.config.passEnv.map((name) => [name, serverEnvironment[name]] as const);
    const redactor = options.redactor.with(
      secretVariables({ ...Object.fromEntries(passed), ...options.config.env }),
    );
    this.redact = (text) => redactor.redact(text);
  }

  /** True if a turn would not wait for the program to start. */
  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Whether its environment has a key that it can sign in with. */
  get hasKey(): boolean {
    const { env, signInPlaces } = this.config;
    const { serverEnvironment } = this.#options.surroundings;
    return (signInPlaces?.variables ?? []).some(
      (name) => (env[name] ?? serverEnvironment[name] ?? '') !== '',
    );
  }

  /** @throws AgentEnded, RpcError, RpcTimeout, CodeBuddyError `shutting_down` */
  async acquire(): Promise<Lease> {
    if (this.#isClosed) throw new CodeBuddyError('shutting_down', 'The agents are shutting down.');
    this.#current ??= this.#start();
    const running = this.#current;
    running.stopTimer();
    running.users++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      running.users--;
      if (running.users === 0) this.#idle(running);
    };
    try {
      await running.started;
    } catch (error) {
      release();
      throw error;
    }
    return { process: running.process, release, abandon: () => this.#abandon(running) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map((running) => this.#end(running)));
  }

  #start(): Running {
    const { config, surroundings, marks, version, timers, warn } = this.#options;
    const mark = marks.create();
    let program: ReturnType<typeof agentProgram>;
    try {
      program = agentProgram(config, surroundings);
    } catch (error) {
      void mark.end();
      throw new AgentEnded(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
    }
    const process = new AcpProcess({
      program,
      mark,
      timers,
      clientVersion: version,
      startTimeoutMs: config.startTimeoutMs,
      redact: this.redact,
      onStderr: (line) => warn(`agent ${config.name}: ${line}`),
    });
    const started = process.start();
    const running: Running = { process, started, users: 0, isAbandoned: false, stopTimer: () => undefined };
    this.#all.add(running);
    started.then(
      () => void process.ended.then(() => this.#forget(running)),
      () => this.#forget(running),
    );
    return running;
  }

  #forget(running: Running): void {
    running.stopTimer();
    this.#all.delete(running);
    if (this.#current === running) this.#current = undefined;
  }

  #idle(running: Running): void {
    running.stopTimer();
    if (running.isAbandoned) {
      void this.#end(running);
      return;
    }
    running.stopTimer = this.#options.timers.after(this.config.idleMs, () => void this.#end(running));
  }

  #abandon(running: Running): void {
    running.isAbandoned = true;
    if (this.#current === running) this.#current = undefined;
    running.stopTimer();
    // The caller has not released it yet.
    if (running.users <= 1) void this.#end(running);
    else running.stopTimer = this.#options.timers.after(drainMs, () => void this.#end(running));
  }

  async #end(running: Running): Promise<void> {
    running.stopTimer();
    if (this.#current === running) this.#current = undefined;
    await running.process.close();
    this.#all.delete(running);
  }
}
