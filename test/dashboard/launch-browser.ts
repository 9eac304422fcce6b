// Headless Chromium, from an npm package, so that nothing has to be installed on the machine.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import { WAIT_LIMIT_MS } from '../wait-for.ts';

/** Closing a page must not end the browser, and the rules between origins must hold. */
const unwanted = /^--(single-process|no-zygote|disable-web-security|disable-site-isolation-trials)$/;

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await unpackedBrowser(),
    args: sparticuz.args.filter((arg) => !unwanted.test(arg)),
    headless: true,
    timeout: WAIT_LIMIT_MS,
  });
}

/**
 * The package unpacks the program in place, and takes one that another process is still unpacking for complete. So it
 * is unpacked in another folder, which then gets its name.
 */
async function unpackedBrowser(): Promise<string> {
  const about = new URL('../package.json', import.meta.resolve('@sparticuz/chromium'));
  const { version } = JSON.parse(readFileSync(about, 'utf8')) as { version: string };
  const folder = join(tmpdir(), `codebuddy-chromium-${version}-${userInfo().uid}`);
  if (!existsSync(folder)) {
    const own = mkdtempSync(`${folder}-`);
    const script = `import('@sparticuz/chromium').then(({ default: it }) => it.executablePath())`;
    const options = { cwd: import.meta.dirname, env: { ...process.env, TMPDIR: own } };
    await promisify(execFile)(process.execPath, ['-e', script], options);
    try {
      renameSync(own, folder);
    } catch (error) {
      // Another process was faster.
      rmSync(own, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  return join(folder, 'chromium');
}
