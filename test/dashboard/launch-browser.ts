// Headless Chromium, from an npm package, so that nothing has to be installed on the machine.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { WAIT_LIMIT_MS } from '../wait-for.ts';

/** Closing a page must not end the browser, and the rules between origins must hold. */
const unwanted = /^--(single-process|no-zygote|disable-web-security|disable-site-isolation-trials)$/;

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await unpackedBrowser(),
    args: sparticuz.args.filter((arg) => !unwanted.test(arg)),
    headless: true,
  });
}

/** Opens a page with the limit of all tests. */
export async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(WAIT_LIMIT_MS);
  return page;
}

/**
 * The path of the browser, which is unpacked at its first use. Several test files may need it at the same time, so each
 * unpacks it into a folder of its own, and the first that is complete gets the name that all look for.
 */
async function unpackedBrowser(): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const cache = join(root, 'node_modules', '.cache');
  const manifest = new URL('../package.json', import.meta.resolve('@sparticuz/chromium'));
  const folder = join(cache, `chromium-${JSON.parse(readFileSync(manifest, 'utf8')).version}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const own = mkdtempSync(join(cache, 'chromium-'));
    try {
      // The package unpacks into the folder of temporary files.
      const program = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
      await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
        cwd: root,
        env: { ...process.env, TMPDIR: own },
      });
      renameSync(own, folder);
    } catch (error) {
      // Another process was faster.
      if (!existsSync(folder)) throw error;
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
  }
  return join(folder, 'chromium');
}
