// Connects a client to one MCP server, and explains its errors. Loaded when the first server is started.

import { existsSync } from 'node:fs';
import type { CallToolResult, ClientOptions, JsonSchemaValidator, Tool } from '@modelcontextprotocol/client';
import type { Redactor } from '../../base/redaction.ts';
import type { Proxies } from '../outbound-http.ts';
import type { CallMarks } from '../processes/call-marks.ts';
import { lastWords, remarksOn } from '../processes/last-words.ts';
import { capText } from '../tools/cap-output.ts';
import { cutOffMessage, HttpTransport } from './http-transport.ts';
import type { McpServerConfig } from './mcp-config.ts';
import { ProcessTransport } from './process-transport.ts';
import { sdk } from './sdk.ts';
import { serverProgram } from './server-program.ts';
import { StartFailure } from './start-failure.ts';

/** Limit of a server's message about a failure. */
const maxWords = 4096;

export interface OpenOptions {
  readonly marks?: CallMarks | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Proxies to servers behind a URL. */
  readonly proxies: Proxies;
  readonly cwd: string;
  readonly workspace?: string | undefined;
  readonly clientVersion: string;
  /** Redacts the secrets that the server was given. */
  readonly redactor: Redactor;
  /** Ends the attempt and every process that was started for it. */
  readonly signal: AbortSignal;
  readonly onToolsChanged: () => void;
  /** Called once, when the connection ends. */
  readonly onClosed: () => void;
}

/** `words` are the end of "The MCP server ...". */
export interface Failure {
  readonly words: string;
  /**
   * `answered`: the server itself reported the failure. `lost`: the connection cannot be used any more.
   * `session-ended`: the same, but the server is up and has not processed the request. `open`: the connection can still
   * be used.
   */
  readonly kind: 'answered' | 'lost' | 'session-ended' | 'open';
}

export interface McpClient {
  /** Reads all pages. */
  listTools(options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<readonly Tool[]>;
  callTool(
    name: string,
    params: Record<string, unknown>,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<CallToolResult>;
  explain(error: unknown): Failure;
  /** The redacted end of the stderr of its program. */
  stderr(): string;
  /** Leaves no process behind, within a second. */
  close(): Promise<void>;
}

/** @throws Error whose message is the end of "The MCP server ..." */
export async function openClient(config: McpServerConfig, options: OpenOptions): Promise<McpClient> {
  try {
    return await connect(config, 'legacy', options);
  } catch (error) {
    if (!(error instanceof StartFailure) || !isRefusal(error.cause)) throw error;
    try {
      // Servers that only support MCP 2026-07-28 refuse `initialize`. In this order, since a server that only supports
      // older versions may exit if it is asked for the newer one first.
      return await connect(config, 'auto', options);
    } catch {
      // The first error is more useful.
      throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  const { ProtocolError, SdkHttpError } = sdk();
  return (
    error instanceof ProtocolError ||
    (error instanceof SdkHttpError && [400, 404, 405, 406, 415, 422].includes(error.status))
  );
}

async function connect(
  config: McpServerConfig,
  mode: 'legacy' | 'auto',
  {
    environment,
    proxies,
    cwd,
    workspace,
    marks,
    clientVersion,
    redactor,
    signal,
    onToolsChanged,
    onClosed,
  }: OpenOptions,
): Promise<McpClient> {
  signal.throwIfAborted();
  const { Client } = sdk();
  const transport =
    config.kind === 'stdio'
      ? new ProcessTransport(serverProgram(config, { environment, cwd, workspace }), marks?.create())
      : new HttpTransport(config, proxies);
  const { redact } = redactor;
  const stderr = (): string =>
    transport instanceof ProcessTransport ? lastWords(redact(transport.stderr)) : '';
  const remarks = (): string => (transport instanceof ProcessTransport ? remarksOn(transport, redact) : '');
  const client = new Client(
    { name: 'codebuddy', version: clientVersion },
    {
      versionNegotiation: { mode },
      jsonSchemaValidator: acceptAll,
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: onToolsChanged } },
    },
  );
  // Closing the transport makes all pending requests fail.
  const onAbort = (): void => void transport.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await client.connect(transport, { timeout: config.startTimeoutMs });
    signal.throwIfAborted();
    if (client.transport === undefined) throw new Error('ended as soon as it was ready');
  } catch (error) {
    await transport.close();
    const { words } = explainFailure(signal.aborted ? signal.reason : error, transport, redact);
    throw new StartFailure(words + remarks(), { cause: error, stderr: stderr() });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  client.onclose = onClosed;

  return {
    async listTools({ signal: listSignal, timeoutMs }) {
      // Without this check, the SDK writes to the console.
      if (client.getServerCapabilities()?.tools === undefined) return [];
      const { tools } = await client.listTools(undefined, {
        signal: listSignal,
        timeout: timeoutMs,
        cacheMode: 'refresh',
      });
      return tools;
    },
    callTool: (name, params, { signal: callSignal, timeoutMs }) =>
      client.callTool(
        { name, arguments: params },
        {
          signal: callSignal,
          timeout: timeoutMs,
          maxTotalTimeout: timeoutMs,
          resetTimeoutOnProgress: false,
        },
      ),
    explain(error) {
      const failure = explainFailure(error, transport, redact);
      return failure.kind === 'lost' ? { ...failure, words: failure.words + remarks() } : failure;
    },
    stderr,
    close: () => transport.close(),
  };
}

/**
 * Accepts any output, since it is only shown to the model. If a server's schemas were compiled, their patterns could
 * block the whole process.
 */
const acceptAll: NonNullable<ClientOptions['jsonSchemaValidator']> = {
  getValidator<T>(): JsonSchemaValidator<T> {
    // The SDK requires a type here that nothing has checked.
    return (input) => ({ valid: true, data: input as T, errorMessage: undefined });
  },
};

type Redact = Redactor['redact'];

function explainFailure(
  error: unknown,
  transport: ProcessTransport | HttpTransport,
  redact: Redact,
): Failure {
  const { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } = sdk();
  // Redacted before it is cut: half a secret would not be recognized.
  const cap = (text: string): string => capText(redact(text), maxWords).text;
  if (transport instanceof ProcessTransport && transport.ending !== undefined)
    return { kind: 'lost', words: redact(transport.ending) };
  if (error instanceof ProtocolError && transport instanceof HttpTransport && error.message === cutOffMessage)
    return { kind: 'lost', words: 'closed the connection before it answered' };
  if (error instanceof ProtocolError)
    return { kind: 'answered', words: `answered with an error: ${cap(error.message)}` };
  if (error instanceof SdkHttpError) {
    // For an unknown session, servers answer 404 (MCP 2025-11-25, transports, session management); some answer 400.
    const ended = transport instanceof HttpTransport && transport.sessionId !== undefined;
    const said =
      typeof error.data.text === 'string' && error.data.text !== '' ? error.data.text : error.message;
    return {
      kind: ended && (error.status === 404 || error.status === 400) ? 'session-ended' : 'open',
      words: `answered with status ${error.status}: ${cap(said.trim())}`,
    };
  }
  if (error instanceof SdkError && error.code === SdkErrorCode.ConnectionClosed)
    return { kind: 'lost', words: 'ended the connection' };
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout)
    return { kind: 'open', words: `did not answer${within(error.data)}` };
  if (!(error instanceof Error)) return { kind: 'open', words: 'failed' };
  // undici's message is "fetch failed"; the cause has the reason.
  if (error instanceof TypeError && error.cause instanceof Error)
    return { kind: 'lost', words: `cannot be reached: ${cap(reason(error.cause))}` };
  return { kind: 'open', words: redact(spawnFailure(error, transport) ?? cap(error.message)) };
}

/** The SDK's timeout error contains the timeout. */
function within(data: unknown): string {
  return typeof data === 'object' && data !== null && 'timeout' in data && typeof data.timeout === 'number'
    ? ` within ${data.timeout / 1000} s`
    : ' in time';
}

/** The error of the first address that was tried: an AggregateError has no message. */
function reason(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}

function spawnFailure(error: Error, transport: ProcessTransport | HttpTransport): string | undefined {
  if (!(transport instanceof ProcessTransport) || !('syscall' in error) || !('code' in error))
    return undefined;
  if (typeof error.syscall !== 'string' || !error.syscall.startsWith('spawn')) return undefined;
  const { command, cwd } = transport.program;
  if (error.code !== 'ENOENT') return `could not be started: ${error.message}`;
  // Node reports ENOENT for a missing folder too.
  return existsSync(cwd)
    ? `could not be started: program ${JSON.stringify(command)} not found`
    : `could not be started: folder ${JSON.stringify(cwd)} not found`;
}
