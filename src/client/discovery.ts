// Finds the local server and its key as `codebuddy serve` left them in the config folder, so nobody types either. The local key
// goes to the local server only, never to a URL elsewhere.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ServerUnreachableError } from './errors.ts';

export interface Endpoint {
  readonly url: string;
  readonly apiKey: string | undefined;
}

export interface DiscoveryOptions {
  /** `http://…` or `https://…`. @default where `server.json` says */
  readonly url?: string;
  /** @default the environment's CODEBUDDY_API_KEY, else the file `api-key` if the URL is on this machine */
  readonly apiKey?: string;
  /** The config folder. @default CODEBUDDY_HOME, else ~/.codebuddy */
  readonly home?: string;
}

/**
 * @throws TypeError if `url` is no http URL
 * @throws ServerUnreachableError if no URL is given and no server is running
 */
export function discover(options: DiscoveryOptions, environment: NodeJS.ProcessEnv = process.env): Endpoint {
  const home = options.home ?? (environment.CODEBUDDY_HOME || join(homedir(), '.codebuddy'));
  const url = options.url === undefined ? findUrl(home) : checkUrl(options.url);
  const apiKey = options.apiKey ?? (environment.CODEBUDDY_API_KEY || findKey(home, url, options));
  return { url, apiKey };
}

function checkUrl(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new TypeError(`url is ${JSON.stringify(url)}; it must be as http://127.0.0.1:3847`);
  }
  let end = url.length;
  while (end > 0 && url[end - 1] === '/') end--;
  return url.slice(0, end);
}

function findUrl(home: string): string {
  const file = join(home, 'server.json');
  const text = readOptional(file);
  const help = 'start one with: codebuddy serve';
  if (text === undefined) throw new ServerUnreachableError(`no server is running for ${home}; ${help}`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new ServerUnreachableError(`${file} is not readable; start the server again`, { cause });
  }
  if (typeof content !== 'object' || content === null || !('url' in content) || !('pid' in content)) {
    throw new ServerUnreachableError(`${file} does not say where the server is; start the server again`);
  }
  // After a crash the port may be another program's, which must not be handed our key.
  if (typeof content.pid === 'number' && !isAlive(content.pid)) {
    throw new ServerUnreachableError(
      `no server is running for ${home}; the last one, process ${content.pid}, has ended; ${help}`,
    );
  }
  return checkUrl(String(content.url));
}

/** To a URL that `server.json` gave, or that is loopback; a key for elsewhere must be given by name. */
function findKey(home: string, url: string, options: DiscoveryOptions): string | undefined {
  const isOurs = options.url === undefined || isLoopback(new URL(url).hostname);
  return isOurs ? readOptional(join(home, 'api-key'))?.trim() : undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
