// HTTP to models and MCP servers: undici's fetch, through the proxies of the environment. Node's built-in fetch ignores
// proxies, aborts after five minutes of silence, and in Node 24 can be crashed by the server it talks to
// (nodejs/undici#5360).

import type { Dispatcher, RequestInit as UndiciRequestInit } from 'undici';

/** The values of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export interface Proxies {
  /** For http: URLs; empty: none. */
  readonly httpProxy: string;
  /** For https: URLs; empty: `httpProxy`. */
  readonly httpsProxy: string;
  /** Hosts to reach directly, separated by commas. */
  readonly noProxy: string;
}

/** Node's declaration; the implementation is undici's. */
export type Fetch = typeof globalThis.fetch;

type Environment = Readonly<Record<string, string | undefined>>;

/** Never through a proxy: it cannot reach this machine's loopback. */
const loopback = ['localhost', '127.0.0.1', '::1'];

/**
 * Reads the proxies from environment variables. Lower-case names take precedence, as in curl.
 * @throws Error that names a variable whose value is not a proxy URL
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
  // Without the value: it may contain a password.
  throw new Error(`${variable} must be the URL of an HTTP proxy, such as http://proxy.example.org:3128`);
}

export const noProxies: Proxies = { httpProxy: '', httpsProxy: '', noProxy: '' };

/** Opens a dispatcher without timeouts: the callers have their own. */
export async function openDispatcher(
  proxies: Proxies,
  options: { readonly maxResponseSize?: number } = {},
): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({ ...proxies, ...options, headersTimeout: 0, bodyTimeout: 0 });
}

/** `fetch` on `dispatcher`. */
export async function fetchThrough(
  dispatcher: Dispatcher,
  target: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const { fetch } = await import('undici');
  // The types of undici and Node declare the same standard twice.
  const undiciInit: unknown = { ...init, dispatcher };
  const response: unknown = await fetch(target as string | URL, undiciInit as UndiciRequestInit);
  return response as Response;
}
