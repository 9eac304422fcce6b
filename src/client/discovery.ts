// Finds the local server and its key as `codebuddy serve` left them in the config folder, so nobody types either.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ServerUnreachableError } from './errors.ts';

export interface Endpoint {
  readonly url: string;
  readonly apiKey: string | undefined;
}

export interface DiscoveryOptions {
  /** @default where `server.json` says */
  readonly url?: string;
  /** @default the environment's CODEBUDDY_API_KEY, else the file `api-key` */
  readonly apiKey?: string;
  /** The config folder. @default CODEBUDDY_HOME, else ~/.codebuddy */
  readonly home?: string;
}

/** @throws ServerUnreachableError if no URL is given and no server has left one. */
export function discover(options: DiscoveryOptions, environment: NodeJS.ProcessEnv = process.env): Endpoint {
  const home = options.home ?? (environment.CODEBUDDY_HOME || join(homedir(), '.codebuddy'));
  const url = options.url ?? findUrl(home);
  const apiKey =
    options.apiKey ?? (environment.CODEBUDDY_API_KEY || readOptional(join(home, 'api-key'))?.trim());
  return { url: url.replace(/\/+$/, ''), apiKey };
}

function findUrl(home: string): string {
  const text = readOptional(join(home, 'server.json'));
  if (text !== undefined) {
    try {
      const content: unknown = JSON.parse(text);
      if (
        typeof content === 'object' &&
        content !== null &&
        'url' in content &&
        typeof content.url === 'string'
      ) {
        return content.url;
      }
    } catch (cause) {
      throw new ServerUnreachableError(
        `${join(home, 'server.json')} is not readable; start the server again`,
        { cause },
      );
    }
  }
  throw new ServerUnreachableError(`no server is running for ${home}; start one with: codebuddy serve`);
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
