// Headless Chromium, from an npm package, so that nothing has to be installed on the machine.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** Closing a page must not end the browser, and the rules between origins must hold. */
const unwanted = /^--(single-process|no-zygote|disable-web-security|disable-site-isolation-trials)$/;

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: sparticuz.args.filter((arg) => !unwanted.test(arg)),
    headless: true,
  });
}
