// Compares a tool call over MCP with the same call over REST, on the same server: `read_file` of a small file.
//
//   node bench/mcp.ts

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { postRequest, requestRate } from './request-rate.ts';
import { alternate } from './rounds.ts';
import { startServer } from './server-process.ts';

const connections = 16;
const rounds = 5;
const roundSeconds = 2;

const params = { path: 'a.txt' };
const message = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'read_file',
    arguments: params,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
});
const mcpHeaders = [
  'Accept: application/json, text/event-stream',
  'MCP-Protocol-Version: 2026-07-28',
  'Mcp-Method: tools/call',
  'Mcp-Name: read_file',
];

export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-bench-mcp-'));
  const { port, apiKey, stop } = await startServer({ folder, config: { models: ['offline'] } });
  writeFileSync(join(folder, 'workspace', params.path), 'alpha\n');

  const measure = (path: string, body: string, more: readonly string[], seconds = roundSeconds) => {
    const request = postRequest({ port, path, headers: [`X-API-Key: ${apiKey}`, ...more], body });
    return requestRate({ port, connections, seconds, request });
  };
  const mcp = (seconds?: number) => measure('/mcp', message, mcpHeaders, seconds);
  const rest = (seconds?: number) => measure('/api/tools/read_file', JSON.stringify(params), [], seconds);
  try {
    await mcp(1);
    await rest(1);
    const compared = await alternate(
      rounds,
      () => mcp(),
      () => rest(),
    );
    return {
      name: 'mcp',
      rows: [
        rowOf({
          what: 'MCP tool call / POST /api/tools/:tool, calls per second',
          measured: compared.ratio,
          target: { atLeast: 0.5 },
          seen: `${wholeText(compared.ours.median)} / s, REST ${wholeText(compared.bare.median)} / s`,
        }),
      ],
    };
  } finally {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printRows((await run()).rows);
