// Measures the dashboard in headless Chromium, beside a bare page in the same browser: the first paint, frames while
// 1 000 events arrive each second, and frames while a session of 5 000 messages scrolls. And the sizes of the client and
// of the dashboard in a browser.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { CodeBuddyClient } from '../src/client/index.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { fillSession, longSession } from '../test/agent/long-session.ts';
import { firstCodeOf } from '../test/client/bundle-client.ts';
import { launchBrowser } from '../test/dashboard/launch-browser.ts';
import { type BarePage, startBarePage } from './bare-page.ts';
import { type BenchResult, type BenchRow, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { sendEvents } from './event-load.ts';
import { alternate, type Compared, spreadOf } from './rounds.ts';
import { type Served, startServer } from './server-process.ts';

const paintRounds = 9;
const frameRounds = 3;
const eventsPerSecond = 1000;
const frameSeconds = 4;
const messages = 5000;
/** Larger than a row: each step of scrolling shows new rows. */
const scrollPx = 120;

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    await fillLongSession(folder);
    const server = await startServer({ folder, config: { models: ['offline'] } });
    const bare = await startBarePage();
    const browser = await launchBrowser();
    try {
      const signedIn = await signIn(browser, server);
      const paint = await measurePaint(signedIn, server, bare);
      const events = await measureFrames(signedIn, server, bare);
      const scroll = await measureScroll(signedIn, server, bare);
      return { name: 'dashboard', rows: [...paint, ...events, ...scroll, ...(await sizes())] };
    } finally {
      await browser.close();
      await bare.stop();
      await server.stop();
    }
  });
}

async function fillLongSession(folder: string): Promise<void> {
  // Creates the folders; the store is written while no server has it.
  const server = await startServer({ folder });
  await server.stop();
  const store = await openSqliteStore({ path: join(server.home, 'api', 'codebuddy.db') });
  await fillSession(store, messages, 300);
  await store.close();
}

/** A context whose pages are signed in. */
async function signIn(browser: Browser, { url, home }: Served): Promise<BrowserContext> {
  const client = new CodeBuddyClient({ home });
  const { code } = await client.signIn.createCode();
  client.close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  // Note when the first heading is in a frame, and the first contentful paint.
  await context.addInitScript(`
    window.painted = new Promise((resolve) => {
      new MutationObserver((changes, observer) => {
        if (document.querySelector('h1') === null) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
      }).observe(document, { childList: true, subtree: true });
    });
    window.firstPaint = new Promise((resolve) => {
      new PerformanceObserver((list) => {
        for (const { startTime } of list.getEntriesByName('first-contentful-paint')) resolve(startTime);
      }).observe({ type: 'paint', buffered: true });
    });`);
  const page = await context.newPage();
  await page.goto(`${url}/#sign-in=${code}`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.close();
  return context;
}

async function measurePaint(context: BrowserContext, server: Served, bare: BarePage): Promise<BenchRow[]> {
  const firstPaints: number[] = [];
  const paintOf = (url: string, paints: number[]) => async (): Promise<number> => {
    const page = await context.newPage();
    try {
      // Each load is the first one of a browser.
      const devtools = await context.newCDPSession(page);
      await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
      await page.goto(url);
      const paintedAt = await page.evaluate<number>('window.painted');
      paints.push(await page.evaluate<number>('window.firstPaint'));
      return paintedAt;
    } finally {
      await page.close();
    }
  };
  const ours = paintOf(`${server.url}/`, firstPaints);
  const ofBare = paintOf(bare.url, []);
  await ours();
  await ofBare();
  firstPaints.length = 0;
  const { ours: dashboard, bare: plain, ratio } = await alternate(paintRounds, ours, ofBare);
  return [
    rowOf({
      what: 'dashboard: its overview is painted, without a cache / a bare page',
      measured: ratio,
      seen: `${wholeText(dashboard.median)} ms, bare ${wholeText(plain.median)} ms`,
    }),
    rowOf({
      what: 'dashboard: first contentful paint, without a cache',
      measured: spreadOf(firstPaints),
      unit: 'ms',
      target: { atMost: 300 },
    }),
  ];
}

async function measureFrames(context: BrowserContext, server: Served, bare: BarePage): Promise<BenchRow[]> {
  const shown: number[] = [];
  const { ours, bare: plain } = await compareFrames(context, bare, `${server.url}/#/events`, async (page) => {
    await page.getByText('live', { exact: true }).waitFor();
    const load = sendEvents(server, eventsPerSecond);
    try {
      // The page follows, and shows the newest ones.
      await wait(1000);
      const before = await newestShown(page);
      const startedAt = performance.now();
      const frames = await framesPerSecond(page);
      shown.push(((await newestShown(page)) - before) / ((performance.now() - startedAt) / 1000));
      return frames;
    } finally {
      await load.stop();
    }
  });
  return [
    rowOf({
      what: 'dashboard: frames/s of the list of events while 1 000 events/s arrive',
      measured: ours,
      unit: '/ s',
      target: { atLeast: 30 },
      seen: `${wholeText(spreadOf(shown).median)} events/s shown; a bare page ${wholeText(plain.median)} frames/s`,
    }),
  ];
}

async function measureScroll(context: BrowserContext, server: Served, bare: BarePage): Promise<BenchRow[]> {
  const view = `${server.url}/#/sessions/${longSession}`;
  const { ours, bare: plain } = await compareFrames(context, bare, view, async (page) => {
    await page.getByRole('list', { name: 'Transcript' }).getByRole('listitem').first().waitFor();
    return framesPerSecond(page, `scrollBy(0, -${scrollPx})`);
  });
  return [
    rowOf({
      what: 'dashboard: frames/s while a session of 5 000 messages scrolls and loads',
      measured: ours,
      unit: '/ s',
      target: { atLeast: 30 },
      seen: `a bare page ${wholeText(plain.median)} frames/s`,
    }),
  ];
}

async function compareFrames(
  context: BrowserContext,
  bare: BarePage,
  view: string,
  measure: (page: Page) => Promise<number>,
): Promise<Compared> {
  const onPage = async (url: string, work: (page: Page) => Promise<number>): Promise<number> => {
    const page = await context.newPage();
    try {
      await page.goto(url);
      return await work(page);
    } finally {
      await page.close();
    }
  };
  return alternate(
    frameRounds,
    () => onPage(view, measure),
    () => onPage(bare.url, (page) => framesPerSecond(page)),
  );
}

/** Counts the frames of a few seconds. `everyFrame`: run in the page before each frame. */
function framesPerSecond(page: Page, everyFrame = ''): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const startedAt = performance.now();
    let frames = 0;
    const step = () => {
      ${everyFrame};
      const seconds = (performance.now() - startedAt) / 1000;
      if (seconds >= ${frameSeconds}) resolve(frames / seconds);
      else { frames++; requestAnimationFrame(step); }
    };
    requestAnimationFrame(step);
  })`);
}

/** The number of the newest event in the list. */
function newestShown(page: Page): Promise<number> {
  return page.evaluate<number>("Number(document.querySelector('.event-sequence').textContent)");
}

async function sizes(): Promise<BenchRow[]> {
  const client = gzipSync(await firstCodeOf('src/client/web.ts')).length;
  const web = fileURLToPath(new URL('../dist/web', import.meta.url));
  const files = readdirSync(`${web}/assets`).map((name) => `${web}/assets/${name}`);
  const packed = [`${web}/index.html.gz`, ...files.filter((name) => name.endsWith('.gz'))];
  const dashboard = packed.reduce((sum, file) => sum + statSync(file).size, 0);
  const inKb = (bytes: number) => spreadOf([bytes / 1000]);
  return [
    rowOf({
      what: 'the typed client in a page, gzipped',
      measured: inKb(client),
      unit: 'KB',
      target: { atMost: 8 },
    }),
    rowOf({
      what: 'the dashboard with all its pages, gzipped',
      measured: inKb(dashboard),
      unit: 'KB',
      target: { atMost: 150 },
    }),
  ];
}

if (import.meta.main) printRows((await run()).rows);
