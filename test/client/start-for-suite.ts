// A server behind the faulty proxy, for the suite of all runtimes.

import { freePort } from '../free-port.ts';
import { startApp } from '../http/start-app.ts';
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import type { SuiteInput, SuiteReport } from './runtime-suite.ts';

export interface SuiteServer {
  readonly input: SuiteInput;
  readonly proxy: FaultyProxy;
}

/** @param script served to a page */
export async function startForSuite(runtime: string, script?: string): Promise<SuiteServer> {
  const { url, client, write } = await startApp();
  write('a.txt', 'alpha');
  const scopes = ['read', 'prompt', 'tools', 'admin'] as const;
  const { key } = await client.keys.create({ name: runtime, scopes });
  const proxy = await startFaultyProxy({
    target: url,
    ...(script === undefined ? {} : { script }),
  });
  const input = { proxy: proxy.url, apiKey: key, nothing: `http://127.0.0.1:${await freePort()}`, runtime };
  return { input, proxy };
}

/** The tests that failed. */
export function failuresOf(report: SuiteReport): SuiteReport {
  return Object.fromEntries(Object.entries(report).filter(([, outcome]) => outcome !== 'ok'));
}
