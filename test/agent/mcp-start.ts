// MCP servers for one test: real ones from npm, and misbehaving ones from this folder. They are closed when it ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { parseMcpServers } from '../../src/agent/mcp/mcp-config.ts';
import {
  createMcpServers,
  type McpServers,
  type McpServersOptions,
} from '../../src/agent/mcp/mcp-servers.ts';
import { cleanEnvironment } from '../../src/agent/tools/clean-environment.ts';
import { freePort } from '../free-port.ts';
import { temporaryFolder } from './start-agent.ts';

const packages = new URL('../../node_modules/@modelcontextprotocol/', import.meta.url);
export const everythingEntry = fileURLToPath(new URL('server-everything/dist/index.js', packages));
export const filesystemEntry = fileURLToPath(new URL('server-filesystem/dist/index.js', packages));
const misbehavingEntry = fileURLToPath(new URL('./mcp-misbehaving-server.ts', import.meta.url));

export const everything = { command: process.execPath, args: [everythingEntry, 'stdio'] };

export function misbehaving(
  mode: string,
  more: Readonly<Record<string, unknown>> = {},
): { readonly command: string; readonly args: readonly string[] } {
  return { command: process.execPath, args: [misbehavingEntry, mode], ...more };
}

export interface StartedMcp {
  readonly mcp: McpServers;
  /** `server: message` */
  readonly troubles: string[];
  readonly changes: { count: number };
  readonly folder: string;
  call(
    name: string,
    params?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<{ readonly content: string; readonly structured?: unknown; readonly truncated?: true }>;
  names(): Promise<readonly string[]>;
}

export function startMcp(
  servers: Readonly<Record<string, object>>,
  options: Partial<McpServersOptions> = {},
): StartedMcp {
  const troubles: string[] = [];
  const changes = { count: 0 };
  const folder = temporaryFolder();
  const mcp = createMcpServers({
    servers: parseMcpServers(servers, {}),
    environment: {
      ...cleanEnvironment(process.env),
      ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
    },
    cwd: folder,
    clientVersion: '1.2.3',
    onTrouble: (server, message) => troubles.push(`${server}: ${message}`),
    onToolsChanged: () => {
      changes.count += 1;
    },
    ...options,
  });
  onTestFinished(() => mcp.close());
  return {
    mcp,
    troubles,
    changes,
    folder,
    async call(name, params = {}, signal = new AbortController().signal) {
      return (await mcp.call(name, params, { signal })) as Awaited<ReturnType<StartedMcp['call']>>;
    },
    names: async () => (await mcp.list()).map(({ name }) => name),
  };
}

export interface EverythingHttp {
  readonly url: string;
  stop(): Promise<void>;
  startAgain(): Promise<void>;
}

/** server-everything over streamable HTTP, on a port that was free just before. */
export async function startEverythingHttp(): Promise<EverythingHttp> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  async function start(): Promise<void> {
    const started = spawn(process.execPath, [everythingEntry, 'streamableHttp'], {
      env: { ...cleanEnvironment(process.env), PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.once('exit', () => reject(new Error('server-everything did not start')));
      started.stderr.on('data', (chunk: Buffer) => {
        if (String(chunk).includes('listening')) resolve();
      });
    });
  }
  onTestFinished(() => stop(child));
  await start();
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => stop(child), startAgain: start };
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** The processes of the group that `leader` leads or led, without zombies. */
export function membersOf(leader: number): readonly number[] {
  return processes()
    .filter(({ group }) => group === leader)
    .map(({ pid }) => pid);
}

export function childrenOf(parent: number): readonly number[] {
  return processes()
    .filter((process) => process.parent === parent && process.group === process.pid)
    .map(({ pid }) => pid);
}

function processes(): readonly { readonly pid: number; readonly parent: number; readonly group: number }[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state?.startsWith('Z') === false)
    .map(([pid, parent, group]) => ({ pid: Number(pid), parent: Number(parent), group: Number(group) }));
}
