// The client in a page: the suite of all runtimes, the session of a page, and stream tickets.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, newPage } from '../dashboard/launch-browser.ts';
import { bundleClient } from './bundle-client.ts';
import type * as Program from './runtime-program.ts';
import { failuresOf, type SuiteServer, startForSuite } from './start-for-suite.ts';

let browser: Browser;
let script: string;

beforeAll(async () => {
  browser = await launchBrowser();
  script = await bundleClient('test/client/runtime-program.ts');
});

afterAll(() => browser?.close());

async function open(): Promise<SuiteServer & { readonly page: Page }> {
  const server = await startForSuite('chromium', script);
  const page = await newPage(browser);
  await page.goto(`${server.proxy.url}/page`);
  return { ...server, page };
}

test('the client works in Chromium', async () => {
  const { page, input } = await open();
  const report = await page.evaluate(async (given) => {
    const { run } = (await import(`${given.proxy}/client.js`)) as typeof Program;
    return run(given);
  }, input);
  expect(failuresOf(report)).toEqual({});
  expect(Object.keys(report).length).toBeGreaterThan(10);
});

test('a page signs in, and then needs no API key', async () => {
  const { page, input } = await open();
  const seen = await page.evaluate(async ({ proxy, apiKey }) => {
    const { client } = (await import(`${proxy}/client.js`)) as typeof Program;
    const url = `${proxy}/pass/2`;
    const { csrfToken } = await new client.CodeBuddyClient({ url, apiKey }).signIn.create();
    const own = new client.CodeBuddyClient({ url, csrfToken: () => csrfToken });
    const { id } = await own.sessions.create({ title: 'from the page' });
    const types: string[] = [];
    for await (const { type } of own.stream('help')) types.push(type);
    const { title } = await own.sessions.get(id);
    const codeOf = (error: { readonly code: string }): string => error.code;
    const withoutToken = await new client.CodeBuddyClient({ url }).status().catch(codeOf);
    await own.signIn.delete();
    const signedOut = await own.status().catch(codeOf);
    // Without options, the server is that of the page.
    return { title, last: types.at(-1), withoutToken, signedOut, url: new client.CodeBuddyClient().url };
  }, input);
  expect(seen).toEqual({
    title: 'from the page',
    last: 'run.complete',
    withoutToken: 'unauthorized',
    signedOut: 'unauthorized',
    url: input.proxy,
  });
});

test('a ticket opens an EventSource', async () => {
  const { page, input } = await open();
  const types = await page.evaluate(async ({ proxy, apiKey }) => {
    const { client } = (await import(`${proxy}/client.js`)) as typeof Program;
    const own = new client.CodeBuddyClient({ url: `${proxy}/pass/1`, apiKey });
    const { runId } = await own.prompt('help');
    const url = await own.streamTickets.url({ runId, types: ['run.*', 'message.*'] });
    return new Promise<string[]>((resolve) => {
      const source = new EventSource(url);
      const all: string[] = [];
      source.onmessage = ({ data }) => all.push(JSON.parse(data).type);
      source.onerror = () => {
        source.close();
        resolve(all);
      };
    });
  }, input);
  expect(types).toEqual(['run.queued', 'message.user', 'message.assistant', 'run.complete']);
});
