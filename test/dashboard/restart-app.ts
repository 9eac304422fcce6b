// Stops the server of a test, and starts it again at the same address with the same data. Start it at a `freePort()`: no
// other program gets that port meanwhile.

import { onTestFinished } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { StartedApp } from '../http/start-app.ts';
import { databaseSetting } from '../postgres/test-store.ts';

/** Returns the function that starts it again. */
export async function stopApp({ app, home, workspace, url }: StartedApp): Promise<() => Promise<void>> {
  await app.stop();
  return async () => {
    const { settings } = loadSettings({
      flags: { home, workspace, port: new URL(url).port },
      environment: await databaseSetting(home),
    });
    const again = await createApp(settings, { environment: { PATH: process.env.PATH } });
    await again.start();
    onTestFinished(() => again.stop());
  };
}
