// One MCP server: started when it is first needed, its tools listed and listed again when they change, restarted after
// it ends. A server that fails without having answered a call is restarted with growing delays.

import type { Tool } from '@modelcontextprotocol/client';
import { abortable } from '../../base/abortable.ts';
import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import { createRedactor, type Redactor } from '../../base/redaction.ts';
import { noProxies } from '../outbound-http.ts';
import { capText } from '../tools/cap-output.ts';
import { contentText, type McpCallResult, shapeResult } from './call-result.ts';
import { type McpServerConfig, secretsOf } from './mcp-config.ts';
import type { McpServerState, McpServersOptions, McpTool } from './mcp-types.ts';
import type { McpClient } from './open-client.ts';
import { loadSdk } from './sdk.ts';
import { StartFailure } from './start-failure.ts';
import { nameTools } from './tool-names.ts';

const firstBackOffMs = 1000;
const maxBackOffMs = 60_000;
const maxDescriptionBytes = 8192;
/** The list goes to clients, and to the model with each step. */
const maxTools = 1000;
const maxSchemaLength = 65_536;

/** With the defaults filled in. */
export interface McpServerOptions extends McpServersOptions {
  readonly now: () => number;
  readonly maxResultBytes: number;
}

interface OwnTool {
  /** The server's own name for it. */
  readonly ownName: string;
  readonly tool: McpTool;
}

interface Connection {
  readonly client: McpClient;
  readonly sinceMs: number;
  /** By the names that models use. */
  tools: ReadonlyMap<string, OwnTool>;
  /** The number of times that the server announced changed tools: in all, and when `tools` was listed. */
  changes: number;
  listedAt: number;
  relisting: Promise<void> | undefined;
  /** True if it has answered a call. */
  hasAnswered: boolean;
}

export class McpServer {
  readonly config: McpServerConfig;
  readonly #options: McpServerOptions;
  readonly #redactor: Redactor;
  readonly #closed = new AbortController();
  #connection: Connection | undefined;
  #starting: Promise<Connection> | undefined;
  /** Lost connections, until they are closed. */
  readonly #ending = new Set<Promise<void>>();
  #failures = 0;
  #retryAtMs = 0;
  #lastError: string | undefined;
  #lastStderr: string | undefined;
  /** True if the last start took too long: then callers do not wait for the next one. */
  #isSlow = false;

  constructor(config: McpServerConfig, options: McpServerOptions) {
    this.config = config;
    this.#options = options;
    this.#redactor = (options.redactor ?? createRedactor()).with(secretsOf(config));
  }

  /**
   * Like `tools`, but does not wait for a server that was not ready in time before; it is started in the background.
   */
  async toolsIfReady(): Promise<readonly McpTool[]> {
    const tools = this.tools();
    if (!this.#isSlow || this.#connection !== undefined) return tools;
    // `#failed` reports the next failure like the first.
    tools.catch(() => undefined);
    return [];
  }

  /** @throws CodeBuddyError `tool_failed`, `shutting_down` */
  async tools(): Promise<readonly McpTool[]> {
    const connection = await this.#connected();
    await this.#refreshTools(connection);
    return [...connection.tools.values()].map(({ tool }) => tool);
  }

  /** @throws CodeBuddyError `tool_not_found`, `tool_failed`, `shutting_down`; the signal's reason */
  async call(name: string, params: Record<string, unknown>, signal: AbortSignal): Promise<McpCallResult> {
    for (let attempt = 1; ; attempt++) {
      const connection = await abortable(this.#connected(), signal);
      await abortable(this.#refreshTools(connection), signal);
      const own = connection.tools.get(name);
      if (own === undefined) {
        throw new CodeBuddyError(
          'tool_not_found',
          `The MCP server ${this.#quotedName} has no tool ${JSON.stringify(name)}; it has ${[...connection.tools.keys()].join(', ') || 'none'}.`,
        );
      }
      try {
        const result = await connection.client.callTool(own.ownName, params, {
          signal,
          timeoutMs: this.config.timeoutMs,
        });
        this.#answered(connection);
        if (result.isError !== true) return shapeResult(result, this.#options.maxResultBytes);
        const said = this.#redactor.redact(contentText(result));
        const text = capText(said, this.#options.maxResultBytes).text.trim();
        throw new CodeBuddyError('tool_failed', text === '' ? `${name} failed without a message.` : text);
      } catch (error) {
        if (error instanceof CodeBuddyError) throw error;
        signal.throwIfAborted();
        if (this.#closed.signal.aborted) throw shuttingDown();
        const { words, kind } = connection.client.explain(error);
        const exhausted = kind === 'answered' ? undefined : exhaustionOf(error);
        if (exhausted !== undefined) throw exhausted;
        if (kind === 'answered') this.#answered(connection);
        if (kind === 'lost') this.#lose(connection, words);
        if (kind === 'session-ended') {
          this.#answered(connection);
          this.#lose(connection, words);
          if (attempt === 1) continue;
        }
        throw new CodeBuddyError('tool_failed', `The MCP server ${this.#quotedName} ${words}`, {
          cause: error,
        });
      }
    }
  }

  describe(): McpServerState {
    const { name, kind, disabled = false } = this.config;
    const running = this.#connection;
    return {
      name,
      kind,
      state: disabled
        ? 'disabled'
        : running !== undefined
          ? 'running'
          : this.#starting !== undefined
            ? 'starting'
            : this.#lastError !== undefined
              ? 'failed'
              : 'not started',
      tools: running?.tools.size ?? 0,
      lastError: this.#lastError ?? null,
      stderr: running?.client.stderr() || this.#lastStderr || null,
    };
  }

  /** Ends the connection, and starts again at once. @throws CodeBuddyError `tool_failed`, `shutting_down` */
  async restart(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.client.close();
    this.#retryAtMs = 0;
    this.#failures = 0;
    await this.#connected();
  }

  async close(): Promise<void> {
    this.#closed.abort(shuttingDown());
    const connection = this.#connection;
    this.#connection = undefined;
    await Promise.all([
      connection?.client.close(),
      // It fails, since the server is closed; wait until it has.
      this.#starting?.catch(() => undefined),
      ...this.#ending,
    ]);
  }

  get #quotedName(): string {
    return JSON.stringify(this.config.name);
  }

  async #connected(): Promise<Connection> {
    if (this.#closed.signal.aborted) throw shuttingDown();
    if (this.#connection !== undefined) return this.#connection;
    if (this.#starting === undefined) {
      const waitMs = this.#retryAtMs - this.#options.now();
      if (waitMs > 0) {
        throw new CodeBuddyError(
          'tool_failed',
          `The MCP server ${this.#quotedName} failed; the next attempt is in ${Math.ceil(waitMs / 1000)} s. It ${this.#lastError}`,
        );
      }
      this.#starting = this.#start().finally(() => {
        this.#starting = undefined;
      });
    }
    return this.#starting;
  }

  async #start(): Promise<Connection> {
    const { config } = this;
    const { startTimeoutMs } = config;
    const giveUp = new AbortController();
    const timer = setTimeout(
      () => giveUp.abort(new Error(`was not ready within ${startTimeoutMs / 1000} s`)),
      startTimeoutMs,
    );
    const signal = AbortSignal.any([giveUp.signal, this.#closed.signal]);
    let client: McpClient | undefined;
    try {
      await loadSdk();
      const { openClient } = await import('./open-client.ts');
      let changes = 0;
      let connection: Connection | undefined;
      client = await openClient(config, {
        environment: this.#options.environment,
        proxies: this.#options.proxies ?? noProxies,
        marks: this.#options.marks,
        cwd: this.#options.cwd,
        workspace: this.#options.workspace,
        clientVersion: this.#options.clientVersion,
        redactor: this.#redactor,
        signal,
        onToolsChanged: () => {
          changes += 1;
          if (connection !== undefined) this.#toolsChanged(connection);
        },
        onClosed: () => {
          if (connection !== undefined) this.#lose(connection, undefined);
        },
      });
      const listedAt = changes;
      const tools = this.#named(
        await abortable(client.listTools({ signal, timeoutMs: startTimeoutMs }), signal),
      );
      signal.throwIfAborted();
      connection = {
        client,
        sinceMs: this.#options.now(),
        tools,
        changes,
        listedAt,
        relisting: undefined,
        hasAnswered: false,
      };
      this.#connection = connection;
      this.#lastError = undefined;
      this.#isSlow = false;
      this.#lastStderr = undefined;
      this.#options.onConnect?.(config.name, tools.size);
      return connection;
    } catch (error) {
      this.#lastStderr = client?.stderr() ?? (error instanceof StartFailure ? error.stderr : undefined);
      await client?.close();
      if (this.#closed.signal.aborted) throw shuttingDown();
      // This machine is at a limit, so the server has not failed: the next call tries again.
      const exhausted = exhaustionOf(error);
      if (exhausted !== undefined) throw exhausted;
      const words = this.#startFailure(error, client, giveUp.signal);
      this.#isSlow = giveUp.signal.aborted;
      this.#failed(words);
      throw new CodeBuddyError('tool_failed', `The MCP server ${this.#quotedName} ${words}`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * The reason why the client could not be opened, or its tools could not be listed, as the end of "The MCP server
   * ...".
   */
  #startFailure(error: unknown, client: McpClient | undefined, giveUp: AbortSignal): string {
    if (client !== undefined && !giveUp.aborted) return client.explain(error).words;
    const reason: unknown = client === undefined ? error : giveUp.reason;
    return reason instanceof Error ? reason.message : 'failed';
  }

  #toolsChanged(connection: Connection): void {
    const wasCurrent = connection.listedAt === connection.changes;
    connection.changes += 1;
    // Reported once until the tools are listed again.
    if (wasCurrent && this.#connection === connection) this.#options.onToolsChanged?.();
  }

  async #refreshTools(connection: Connection): Promise<void> {
    if (connection.listedAt === connection.changes) return;
    connection.relisting ??= this.#relistTools(connection).finally(() => {
      connection.relisting = undefined;
    });
    await connection.relisting;
  }

  async #relistTools(connection: Connection): Promise<void> {
    const { changes } = connection;
    try {
      const tools = await connection.client.listTools({
        signal: this.#closed.signal,
        timeoutMs: this.config.startTimeoutMs,
      });
      connection.tools = this.#named(tools);
    } catch (error) {
      if (this.#closed.signal.aborted) throw shuttingDown();
      const { words, kind } = connection.client.explain(error);
      if (kind === 'lost') this.#lose(connection, words);
      else this.#options.onTrouble?.(this.config.name, `keeps its old list of tools: it ${words}`);
    }
    // Also after a failure: a server that cannot list its tools must not delay every call.
    connection.listedAt = changes;
  }

  #named(tools: readonly Tool[]): ReadonlyMap<string, OwnTool> {
    // Tools that run only as tasks (MCP 2025-11-25) do not support plain calls.
    const plain = tools.filter(({ execution }) => execution?.taskSupport !== 'required');
    const callable = plain
      .slice(0, maxTools)
      .filter(({ inputSchema }) => JSON.stringify(inputSchema).length <= maxSchemaLength);
    if (callable.length < plain.length) {
      this.#options.onTrouble?.(
        this.config.name,
        `${plain.length - callable.length} of its ${plain.length} tools are left out: the limit is ${maxTools} tools, with schemas of up to ${maxSchemaLength} characters`,
      );
    }
    const byOwnName = new Map<string, Tool>();
    for (const tool of callable) if (!byOwnName.has(tool.name)) byOwnName.set(tool.name, tool);
    const named = nameTools(
      this.config.name,
      callable.map(({ name }) => name),
    );
    return new Map(
      [...named].map(([name, ownName]) => {
        const { description, title, inputSchema, annotations } = byOwnName.get(ownName) as Tool;
        const tool: McpTool = {
          name,
          description: capText(description ?? title ?? annotations?.title ?? '', maxDescriptionBytes).text,
          inputSchema,
          readOnly: annotations?.readOnlyHint === true && this.config.trust !== false,
        };
        return [name, { ownName, tool }];
      }),
    );
  }

  #answered(connection: Connection): void {
    connection.hasAnswered = true;
    this.#failures = 0;
  }

  /** `words`: the reason; undefined if the connection itself has it. */
  #lose(connection: Connection, words: string | undefined): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#lastStderr = connection.client.stderr();
    const ending = connection.client.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    const said = words ?? connection.client.explain(undefined).words;
    const hasWorked = connection.hasAnswered || this.#options.now() - connection.sinceMs >= maxBackOffMs;
    // A server that has worked is restarted without delay.
    this.#failed(said, hasWorked ? 0 : undefined);
  }

  #failed(words: string, failures = this.#failures + 1): void {
    this.#failures = failures;
    this.#retryAtMs =
      failures === 0
        ? 0
        : this.#options.now() + Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(failures - 1, 16));
    this.#lastError = words;
    this.#options.onTrouble?.(this.config.name, words);
  }
}

function shuttingDown(): CodeBuddyError {
  return new CodeBuddyError('shutting_down', 'The MCP servers are shutting down.');
}
