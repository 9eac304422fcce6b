// The running program of an agent. It serves many sessions at the same time. Its messages are passed to the session that
// they name, and dropped if that session does not run a turn.

import type { ClientCapabilities } from '@agentclientprotocol/sdk';
import { isRecord } from '../../base/is-record.ts';
import type { CallMark } from '../processes/call-marks.ts';
import { remarksOn } from '../processes/last-words.ts';
import { LineProcess } from '../processes/line-process.ts';
import type { StartedProgram } from '../programs/started-program.ts';
import { AgentEnded } from './acp-errors.ts';
import type { Timers } from './acp-types.ts';
import { parseRpc, RpcConnection, type RpcMessage } from './json-rpc.ts';
import { noteUpdate, type OpenSession } from './session-options.ts';
import { createStderrLog } from './stderr-log.ts';

const protocolVersion = 1;
/** No files and no terminals: agents read and write themselves, and version 2 has neither. */
const clientCapabilities: ClientCapabilities = {};
/** An agent may send a whole file in one message. */
const maxMessageBytes = 32 * 1024 * 1024;

/** What a session does with the messages of its agent. */
export interface SessionListener {
  onUpdate(update: Readonly<Record<string, unknown>>): void;
  /** Resolves to the result of `session/request_permission`. */
  onPermission(params: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface AcpProcessOptions {
  readonly program: StartedProgram;
  readonly mark: CallMark;
  readonly clientVersion: string;
  readonly startTimeoutMs: number;
  readonly timers: Timers;
  readonly redact: (text: string) => string;
  /** Called with each line of its stderr. */
  readonly onStderr: (line: string) => void;
}

export class AcpProcess {
  readonly #options: AcpProcessOptions;
  readonly #lines: LineProcess<RpcMessage>;
  readonly #rpc: RpcConnection;
  readonly #listeners = new Map<string, SessionListener>();
  readonly #ended = Promise.withResolvers<void>();
  /** By the agent's own ids. */
  readonly sessions = new Map<string, OpenSession>();
  /** The answer to `initialize`. */
  about: Readonly<Record<string, unknown>> = {};

  constructor(options: AcpProcessOptions) {
    this.#options = options;
    const { program, mark, timers, redact, onStderr } = options;
    const stderr = createStderrLog({ redact, write: onStderr, now: () => timers.now() });
    this.#lines = new LineProcess({
      program,
      mark,
      maxMessageBytes,
      parse: parseRpc,
      onMessage: (message) => this.#rpc.receive(message),
      onStderr: (chunk) => stderr.add(chunk),
      onClosed: () => {
        stderr.end();
        this.#rpc.close(this.#endedError());
        this.#ended.resolve();
      },
    });
    this.#rpc = new RpcConnection({
      timers,
      write: (line) => this.#lines.write(line),
      onRequest: (method, params) => this.#onRequest(method, params),
      onNotification: (method, params) => this.#onNotification(method, params),
    });
  }

  /** Resolves when it has ended with everything that it started. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Starts it, and agrees on the version. @throws AgentEnded, RpcError, RpcTimeout; the errors of `spawn` */
  async start(): Promise<void> {
    const { clientVersion, startTimeoutMs } = this.#options;
    try {
      await this.#lines.start();
    } catch (error) {
      throw startFailure(error, this.#options.program);
    }
    try {
      const about = await this.request(
        'initialize',
        {
          protocolVersion,
          clientCapabilities,
          clientInfo: { name: 'codebuddy', title: 'Code Buddy API', version: clientVersion },
        },
        { timeoutMs: startTimeoutMs },
      );
      this.about = isRecord(about) ? about : {};
      const version = this.about.protocolVersion;
      if (version !== protocolVersion)
        throw new AgentEnded(
          `speaks version ${JSON.stringify(version)} of the Agent Client Protocol; this server speaks version ${protocolVersion}. Update the older of the two.`,
        );
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Without `timeoutMs`, it waits until the process ends. @throws RpcError, RpcTimeout, AgentEnded */
  async request(
    method: string,
    params: unknown,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    try {
      return await this.#rpc.request(method, params, options);
    } catch (error) {
      // It cannot be written to: its end is noticed later.
      throw error instanceof Error && error.constructor === Error ? this.#endedError(error.message) : error;
    }
  }

  notify(method: string, params: unknown): void {
    this.#rpc.notify(method, params);
  }

  /** Passes messages for the session to the listener, until the returned function is called. */
  listen(sessionId: string, listener: SessionListener): () => void {
    this.#listeners.set(sessionId, listener);
    return () => {
      if (this.#listeners.get(sessionId) === listener) this.#listeners.delete(sessionId);
    };
  }

  /** Ends it with everything that it started, within a second. */
  async close(): Promise<void> {
    await this.#lines.close();
  }

  #onNotification(method: string, params: unknown): void {
    if (method !== 'session/update' || !isRecord(params)) return;
    const { sessionId, update } = params;
    if (typeof sessionId !== 'string' || !isRecord(update)) return;
    const session = this.sessions.get(sessionId);
    if (session !== undefined) noteUpdate(session, update);
    this.#listeners.get(sessionId)?.onUpdate(update);
  }

  #onRequest(method: string, params: unknown): Promise<unknown> | undefined {
    if (method !== 'session/request_permission') return undefined;
    const listener =
      isRecord(params) && typeof params.sessionId === 'string'
        ? this.#listeners.get(params.sessionId)
        : undefined;
    // No turn runs that could need this permission.
    if (!isRecord(params) || listener === undefined)
      return Promise.resolve({ outcome: { outcome: 'cancelled' } });
    return listener.onPermission(params);
  }

  #endedError(words = this.#lines.ending ?? 'was ended'): AgentEnded {
    return new AgentEnded(words + remarksOn(this.#lines, this.#options.redact));
  }
}

function startFailure(error: unknown, { command }: StartedProgram): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  return error.code === 'ENOENT'
    ? new AgentEnded(`could not be started: program ${JSON.stringify(command)} not found`)
    : error.code === 'EACCES'
      ? new AgentEnded(`could not be started: ${error.message}`)
      : error;
}
