// An MCP server for tests, over streamable HTTP on its own port, without any SDK: on request it forgets sessions, cuts
// streams or never answers.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface McpHttpServer {
  readonly url: string;
  /** Methods of HTTP and of messages, in their order: `POST initialize`, `DELETE`. */
  readonly heard: string[];
  /** Responses to calls that are still open. */
  readonly open: Set<ServerResponse>;
  readonly headers: IncomingMessage['headers'][];
  forgetSessions(): void;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly name?: string };
}

/** `elsewhere`: the target of the path /redirect. */
export async function startMcpHttpServer(elsewhere = ''): Promise<McpHttpServer> {
  const heard: string[] = [];
  const open = new Set<ServerResponse>();
  const headers: IncomingMessage['headers'][] = [];
  const sessions = new Set<string>();
  let count = 0;

  function answer(response: ServerResponse, id: number | undefined, result: object, session?: string): void {
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  }

  function receive(message: Message, request: IncomingMessage, response: ServerResponse): void {
    const { id, method, params } = message;
    heard.push(`POST ${method}`);
    headers.push(request.headers);
    if (method === 'initialize') {
      const session = `session-${++count}`;
      sessions.add(session);
      const info = { name: 'http', version: '1' };
      answer(
        response,
        id,
        { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: info },
        session,
      );
    } else if (!sessions.has(String(request.headers['mcp-session-id']))) {
      response.writeHead(404).end('no such session');
    } else if (id === undefined) {
      response.writeHead(202).end();
    } else if (method === 'tools/list') {
      const tools = ['echo', 'cut', 'hang', 'hang-silently', 'break'].map((name) => ({
        name,
        inputSchema: { type: 'object' },
      }));
      answer(response, id, { tools });
    } else if (params?.name === 'hang' || params?.name === 'cut') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': here\n\n');
      open.add(response);
      response.once('close', () => open.delete(response));
      if (params.name === 'cut') setTimeout(() => response.destroy(), 20);
    } else if (params?.name === 'hang-silently') {
      open.add(response);
      response.once('close', () => open.delete(response));
    } else if (params?.name === 'break') {
      response.writeHead(500).end('out of order');
    } else {
      answer(response, id, { content: [{ type: 'text', text: String(request.headers['mcp-session-id']) }] });
    }
  }

  const server = createServer(async (request, response) => {
    if (request.url === '/redirect') {
      response.writeHead(307, { location: elsewhere }).end();
      return;
    }
    if (request.method !== 'POST') {
      heard.push(String(request.method));
      response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      return;
    }
    // A client that gives up may leave in the middle of its request.
    const body = await text(request).catch(() => undefined);
    if (body !== undefined) receive(JSON.parse(body) as Message, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    heard,
    open,
    headers,
    forgetSessions: () => sessions.clear(),
  };
}

/** Accepts connections and reads requests, but never answers. Returns its URL. */
export async function startMuteServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    // A client that gives up may reset the connection.
    socket.on('error', () => socket.destroy()).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}
