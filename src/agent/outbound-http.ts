// HTTP to models and MCP servers: undici's fetch, through the proxies of the environment. The platform's own fetch heeds no proxy, gives up
// after five minutes of silence, and can be crashed by a receiver in Node 24 (nodejs/undici#5360).

import type { Dispatcher, RequestInit as UndiciRequestInit } from 'undici';

/** From HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export interface Proxies {
  /** For http: URLs; an empty text means none. */
  readonly httpProxy: string;
  /** For https: URLs; empty: `httpProxy`. */
  readonly httpsProxy: string;
  /** Hosts that are reached directly, separated by commas. */
  readonly noProxy: string;
}

/** The platform's declaration; the implementation is undici's. */
export type Fetch = typeof globalThis.fetch;

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy cannot reach this machine's loopback, so it is never asked to. */
const loopback = ['localhost', '127.0.0.1', '::1'];

/**
 * Reads the proxies of an environment. Lower-case names come first, as in curl.
 * @throws Error that names the variable if its value is not the URL of a proxy
 */
export function proxiesFrom(environment: Environment): Proxies {
  const noProxy = environment.no_proxy ?? environment.NO_PROXY ?? '';
  return {
    httpProxy: proxyUrl('HTTP_PROXY', environment),
    httpsProxy: proxyUrl('HTTPS_PROXY', environment),
    noProxy: [noProxy, ...loopback].join(','),
  };
}

function proxyUrl(name: string, environment: Environment): string {
  const lower = name.toLowerCase();
  const variable = environment[lower] === undefined ? name : lower;
  const value = environment[variable]?.trim() ?? '';
  if (value === '') return '';
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return url.href;
  // The value may hold a password.
  throw new Error(`${variable} must be the URL of an HTTP proxy, such as http://proxy.example.org:3128`);
}

export const noProxies: Proxies = { httpProxy: '', httpsProxy: '', noProxy: '' };

/** Opens a dispatcher without time-outs of its own: the callers have theirs. */
export async function openDispatcher(
  proxies: Proxies,
  options: { readonly maxResponseSize?: number } = {},
): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({ ...proxies, ...options, headersTimeout: 0, bodyTimeout: 0 });
}

/** The platform's `fetch` by undici, on `dispatcher`. */
export async function fetchThrough(
  dispatcher: Dispatcher,
  target: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const { fetch } = await import('undici');
  // Undici's types and the platform's are two declarations of one standard.
  const undiciInit: unknown = { ...init, dispatcher };
  const response: unknown = await fetch(target as string | URL, undiciInit as UndiciRequestInit);
  return response as Response;
}
