// Finds the local server and its API key in the config folder, where `codebuddy serve` writes them. The local key is
// only sent to this machine. A server found this way must prove its identity (proven-agent.ts); a URL given by the
// caller is trusted.

import { readFileSync } from 'node:fs';
import { fileError } from '../../base/file-errors.ts';
import { defaultHome, oldFile, ownFile } from '../../base/home-paths.ts';
import { isProcessAlive } from '../../base/is-process-alive.ts';
import type { CodeBuddyClientOptions } from '../client-options.ts';
import { CodeBuddyConnectionError } from '../errors.ts';
import { checkUrl } from '../server-url.ts';
import type { ExpectedServer } from './proven-agent.ts';

/** The URL of the server, and the key to use. */
export interface Endpoint {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The server must prove this before a key is sent to it. Undefined if the caller gave the URL. */
  readonly expected?: ExpectedServer;
}

/** Options to find the server. */
export type DiscoveryOptions = Pick<CodeBuddyClientOptions, 'url' | 'apiKey' | 'home'>;

/**
 * Finds the server.
 *
 * @throws TypeError if `url` is not an http or https URL
 * @throws CodeBuddyConnectionError `not_running` if no URL is given and no server is running
 */
export function discover(options: DiscoveryOptions, environment: NodeJS.ProcessEnv = process.env): Endpoint {
  const home = options.home ?? defaultHome(environment);
  const givenKey = options.apiKey ?? (environment.CODEBUDDY_API_KEY || undefined);
  if (options.url !== undefined) {
    const url = checkUrl(options.url);
    return { url, apiKey: givenKey ?? (isLoopback(new URL(url).hostname) ? readLocalKey(home) : undefined) };
  }
  const { url, pid, startedAt } = findServer(home);
  const localKey = readLocalKey(home);
  if (localKey === undefined || localKey === '')
    throw new CodeBuddyConnectionError(
      'not_running',
      `${ownFile(home, 'api-key')} is missing, so the server at ${url} cannot prove its identity. Restart the server, or name it with --url.`,
    );
  return { url, apiKey: givenKey ?? localKey, expected: { pid, startedAt, localKey } };
}

function findServer(home: string): FoundServer {
  const current = ownFile(home, 'server.json');
  const { file, text } = readEither(current, oldFile(home, 'server.json'));
  const help = 'Start one with: codebuddy serve';
  if (text === undefined)
    throw new CodeBuddyConnectionError('not_running', `No server is running for ${home}. ${help}`);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new CodeBuddyConnectionError('not_running', `${file} is not valid JSON. Restart the server.`, {
      cause,
    });
  }
  const found = readServerFile(content);
  if (found === undefined) {
    throw new CodeBuddyConnectionError(
      'not_running',
      `${file} does not contain the URL of the server. Restart the server.`,
    );
  }
  // After a crash another program may use the port. It must not get the API key.
  if (!isProcessAlive(found.pid)) {
    throw new CodeBuddyConnectionError(
      'not_running',
      `No server is running for ${home}; the last one, process ${found.pid}, has ended. ${help}`,
    );
  }
  return { ...found, url: checkUrl(found.url) };
}

interface FoundServer {
  readonly url: string;
  readonly pid: number;
  /** Empty in a file of an older release, whose server cannot prove its identity. */
  readonly startedAt: string;
}

function readServerFile(content: unknown): FoundServer | undefined {
  if (typeof content !== 'object' || content === null || !('url' in content) || !('pid' in content))
    return undefined;
  const { url, pid } = content;
  const startedAt = 'startedAt' in content && typeof content.startedAt === 'string' ? content.startedAt : '';
  // Only plain HTTP connections on this machine are verified.
  return typeof url === 'string' && url.startsWith('http://') && typeof pid === 'number'
    ? { url, pid, startedAt }
    : undefined;
}

function readLocalKey(home: string): string | undefined {
  return readEither(ownFile(home, 'api-key'), oldFile(home, 'api-key')).text?.trim();
}

/** A server of an earlier release may still be running. Its files are in the old place. */
function readEither(
  current: string,
  old: string,
): { readonly file: string; readonly text: string | undefined } {
  const text = readOptional(current);
  if (text !== undefined) return { file: current, text };
  return { file: old, text: readOptional(old) };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw fileError(path, 'cannot be read', error);
  }
}
