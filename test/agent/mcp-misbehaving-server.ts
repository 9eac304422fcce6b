// An MCP server for tests, over stdin and stdout, without any SDK: its first argument selects how it misbehaves. It
// writes the messages of the client to the file in MCP_TEST_LOG, one per line.

import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const mode = process.argv[2] ?? 'plain';
const logFile = process.env.MCP_TEST_LOG;

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly cursor?: string;
    readonly arguments?: Readonly<Record<string, unknown>>;
  };
}

const write = (message: object): void =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

function hold(): void {
  setInterval(() => undefined, 1000);
}

const plainTools = [
  'pid',
  'die',
  'hang',
  'big',
  'structured',
  'grow',
  'wordless',
  'refuse',
  'family',
  'deep',
];
const strangeTools = [
  'plain',
  'with space',
  'with/slash',
  'dots.and.dots',
  'grüße',
  '_leading',
  'x'.repeat(100),
  `${'x'.repeat(100)}y`,
];
let tools = mode === 'names' ? strangeTools : plainTools;
const describeTool = (name: string): object => ({
  name,
  description: mode === 'talkative' ? 'd'.repeat(100_000) : `Does ${name}.`,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: name === 'pid' },
  ...(name === 'deep' ? { execution: { taskSupport: 'required' } } : {}),
});

function listTools(cursor = '0'): object {
  const page = Number(cursor);
  if (mode === 'paged') {
    return page < 2
      ? { tools: [describeTool(`page-${page}`)], nextCursor: String(page + 1) }
      : { tools: [describeTool(`page-${page}`)] };
  }
  if (mode === 'endless-pages')
    return { tools: [describeTool(`page-${page}`)], nextCursor: String(page + 1) };
  return { tools: tools.map(describeTool) };
}

const text = (words: string): object => ({ content: [{ type: 'text', text: words }] });

function call(
  id: number | string,
  name: string,
  params: Readonly<Record<string, unknown>>,
): object | undefined {
  switch (name) {
    case 'die':
      process.stderr.write('dying as asked\n');
      process.exit(7);
      break;
    case 'hang':
      setInterval(
        () => write({ method: 'notifications/progress', params: { progressToken: id, progress: 1 } }),
        20,
      );
      return undefined;
    case 'big':
      return text('€'.repeat(Number(params.characters)));
    case 'structured':
      return {
        ...text('see there'),
        structuredContent: { filler: 'x'.repeat(Number(params.characters)) },
      };
    case 'grow':
      tools = [...tools, `grown-${tools.length}`];
      write({ method: 'notifications/tools/list_changed' });
      return text('grown');
    case 'wordless':
      return { content: [], isError: true };
    case 'family': {
      const child = spawn(
        process.execPath,
        ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'],
        { stdio: 'ignore' },
      );
      return text(JSON.stringify([process.pid, child.pid]));
    }
    default:
      return text(`${name} ${process.pid}`);
  }
}

function serve(): void {
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (logFile !== undefined) appendFileSync(logFile, `${line}\n`);
    const { id, method, params } = JSON.parse(line) as Message;
    if (id === undefined || method === undefined) return;
    const answer = (result: object | undefined): void => {
      if (result !== undefined)
        write({ id, result: mode === 'modern' ? { resultType: 'complete', ...result } : result });
    };
    if (method === 'server/discover' && mode === 'modern') {
      answer({
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        ttlMs: 0,
        cacheScope: 'private',
      });
    } else if (method === 'initialize' && mode === 'modern') {
      write({
        id,
        error: { code: -32_022, message: 'not this version', data: { supported: ['2026-07-28'] } },
      });
    } else if (method === 'initialize') {
      answer({
        protocolVersion: '2025-06-18',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'misbehaving', version: '1' },
      });
    } else if (method === 'tools/list') {
      answer({
        ...listTools(params?.cursor),
        ...(mode === 'modern' ? { ttlMs: 0, cacheScope: 'private' } : {}),
      });
    } else if (method === 'tools/call' && params?.name === 'refuse') {
      write({ id, error: { code: -32_602, message: 'not with these parameters' } });
    } else if (method === 'tools/call') {
      answer(call(id, params?.name ?? '', params?.arguments ?? {}));
    } else write({ id, error: { code: -32_601, message: 'unknown method' } });
  });
}

switch (mode) {
  case 'exit':
    process.stderr.write('cannot find my database\n');
    process.exit(3);
    break;
  case 'noisy':
    for (let line = 0; line < 100_000; line++) process.stderr.write(`line ${line} ${'e'.repeat(100)}\n`);
    process.exitCode = 1;
    process.stderr.write('the last words\n');
    break;
  case 'silent':
    process.stdin.resume();
    hold();
    break;
  case 'no-stdout':
    process.stdout.end();
    hold();
    break;
  case 'garbage':
    setInterval(() => process.stdout.write('this is no JSON-RPC\n'.repeat(3000)), 1);
    break;
  case 'endless-line':
    setInterval(() => process.stdout.write('{"'.repeat(30_000)), 1);
    break;
  case 'greeting':
    process.stdout.write('Welcome to my server!\n{"not": "json-rpc"}\n[1,2]\n{broken\n\n');
    serve();
    break;
  case 'stubborn':
    process.on('SIGTERM', () => undefined);
    process.on('SIGINT', () => undefined);
    hold();
    serve();
    break;
  default:
    serve();
}
