// The dashboard in a real browser, signed in to a server of its own. One browser serves all tests of a file.

import type { Browser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { type StartAppOptions, type StartedApp, startApp } from '../http/start-app.ts';
import { WAIT_LIMIT_MS } from '../wait-for.ts';
import { launchBrowser } from './launch-browser.ts';

export interface PageOptions {
  /** The address after `#/`: `events?type=run.*`. @default the overview */
  readonly view?: string;
  /** A sign-in code or an API key; null opens the page without a sign-in. @default a new code with all scopes */
  readonly credential?: string | null;
  /** CSS pixels. @default 1280 */
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
}

export interface DashboardPage {
  readonly page: Page;
  /** Errors of scripts, of the console (violations of the CSP, too), and requests to another server. */
  readonly faults: readonly string[];
  /** Opens a view: `sessions/ses_1`. The one before it is gone then. */
  show(view: string): Promise<void>;
  /** Waits until the page has loaded and drawn all that it shows now. */
  settled(): Promise<void>;
}

export interface StartedDashboard extends StartedApp, DashboardPage {}

export interface Dashboard {
  /** Starts a server, and opens its dashboard. */
  start(options?: StartAppOptions & PageOptions): Promise<StartedDashboard>;
  /** Opens one more page, with cookies and storage of its own. */
  open(app: Pick<StartedApp, 'url' | 'client'>, options?: PageOptions): Promise<DashboardPage>;
}

/**
 * Call it once, at the top of the file.
 * @example
 * const dashboard = useDashboard();
 * test('…', async () => {
 *   const { page, client } = await dashboard.start({ view: 'events' });
 *   await page.getByRole('heading', { name: 'Events' }).waitFor();
 * });
 */
export function useDashboard(): Dashboard {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  async function open(
    { url, client }: Pick<StartedApp, 'url' | 'client'>,
    { view = '', credential, width = 1280, height = 800, theme = 'light' }: PageOptions = {},
  ): Promise<DashboardPage> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      // Chromium takes that of the environment, whose name no page understands: en-US@posix.
      locale: 'en-US',
    });
    context.setDefaultTimeout(WAIT_LIMIT_MS);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(`${message.text()} (${message.location().url})`);
    });
    const loading = new Set<Request>();
    let requests = 0;
    page.on('requestfinished', (request) => loading.delete(request));
    page.on('requestfailed', (request) => loading.delete(request));
    page.on('request', (request) => {
      if (request.headers().accept !== 'text/event-stream') {
        loading.add(request);
        requests++;
      }
      const address = request.url();
      if (!address.startsWith(`${url}/`) && !/^(data|blob):/.test(address))
        faults.push(`asks for ${address}`);
    });
    // Only the fragment changes, so the page is not loaded again. It takes the new one in a later turn.
    const show = async (name: string): Promise<void> => {
      await page.evaluate(`new Promise((resolve) => {
        const before = location.hash;
        addEventListener('hashchange', resolve, { once: true });
        location.hash = ${JSON.stringify(`#/${name}`)};
        if (location.hash === before) resolve();
      })`);
    };
    const settled = async (): Promise<void> => {
      let before: number;
      do {
        before = requests;
        await expect.poll(() => loading.size).toBe(0);
        // An answer is drawn in the next frame, and what is drawn may load more after that.
        await page.evaluate(
          'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))',
        );
      } while (requests !== before);
    };

    if (credential === null) {
      await page.goto(`${url}/#/${view}`);
    } else {
      const code = credential ?? (await client.signIn.createCode()).code;
      await page.goto(`${url}/#sign-in=${code}`);
      // What streams before is not sent again.
      await page.getByText('live', { exact: true }).waitFor({ state: 'attached' });
      if (view !== '') await show(view);
    }
    return { page, faults, show, settled };
  }

  return {
    open,
    async start({ config, environment, folder, port, ...options } = {}) {
      const app = await startApp({
        ...(config === undefined ? {} : { config }),
        ...(environment === undefined ? {} : { environment }),
        ...(folder === undefined ? {} : { folder }),
        ...(port === undefined ? {} : { port }),
      });
      return { ...app, ...(await open(app, options)) };
    },
  };
}
