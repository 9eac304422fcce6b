// The client in a page: the suite of all runtimes, the session of a page, and stream tickets.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleClient } from './bundle-client.ts';
import type * as Program from './runtime-program.ts';
import { failuresOf, type SuiteServer, startForSuite } from './start-for-suite.ts';

let browser: Browser;
let script: string;

beforeAll(async () => {
  const executablePath = await sparticuz.executablePath();
  browser = await chromium.launch({ executablePath, args: sparticuz.args, headless: true });
  script = await bundleClient('test/client/runtime-program.ts');
});

afterAll(() => browser?.close());

async function open(): Promise<SuiteServer & { readonly page: Page }> {
  const server = await startForSuite('chromium', script);
  const page = await browser.newPage();
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

test('a page without an API key uses its cookie, and sends the CSRF token with what changes something', async () => {
  const { page, input } = await open();
  const seen = await page.evaluate(async (proxy) => {
    const { client } = (await import(`${proxy}/client.js`)) as typeof Program;
    const own = new client.CodeBuddyClient({ url: `${proxy}/cookie/1`, csrfToken: () => 'from-the-page' });
    const { id } = await own.sessions.create({ title: 'from the page' });
    const types: string[] = [];
    for await (const { type } of own.stream('help')) types.push(type);
    const unsafe = new client.CodeBuddyClient({ url: `${proxy}/cookie/2` });
    const refused = await unsafe.sessions.create({}).catch((error: { readonly code: string }) => error.code);
    // Without options, the server is that of the page.
    const { url } = new client.CodeBuddyClient();
    const { title } = await own.sessions.get(id);
    return { title, last: types.at(-1), refused, url, read: (await unsafe.status()).running };
  }, input.proxy);
  expect(seen).toEqual({
    title: 'from the page',
    last: 'run.complete',
    refused: 'origin_not_allowed',
    url: input.proxy,
    read: true,
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
