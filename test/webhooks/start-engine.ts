// A webhook engine over a real store that can fail where a test selects it.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { EventLog } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { SqliteStoreOptions } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import {
  openWebhookEngine,
  type WebhookEngine,
  type WebhookEngineOptions,
} from '../../src/webhooks/engine.ts';
import { openTestStore } from '../postgres/test-store.ts';
import { temporaryHome } from './start-webhooks.ts';

export interface EngineBench {
  readonly home: string;
  readonly store: Store;
  readonly log: EventLog;
  readonly warnings: readonly string[];
  /** Open an engine, or the next one after `close`. It is closed without grace when the test ends. */
  open(options?: Partial<WebhookEngineOptions>): Promise<WebhookEngine>;
}

export interface EngineBenchOptions {
  /** Returns true if this method of the store must fail now. @default never */
  readonly fails?: (method: string) => boolean;
  readonly store?: Omit<SqliteStoreOptions, 'path'>;
}

export async function startEngineBench({
  fails = () => false,
  store: options,
}: EngineBenchOptions = {}): Promise<EngineBench> {
  const home = temporaryHome();
  const opened = await openTestStore({ path: join(home, 'codebuddy.db'), ...options });
  const { store: real, ownership } = opened;
  const log = createEventLog({ store: real, deltas: ownership.deltas });
  const store = new Proxy(real, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) =>
        fails(String(name))
          ? Promise.reject(new Error(`the disk fails at ${String(name)}`))
          : Reflect.apply(value, target, given);
    },
  }) as Store;
  onTestFinished(async () => {
    await log.close();
    await opened.close();
  });
  const warnings: string[] = [];
  return {
    home,
    store,
    log,
    warnings,
    async open(more = {}) {
      const engine = await openWebhookEngine({
        store,
        log,
        ownership,
        registryPath: join(home, 'webhooks.json'),
        warn: (message, error) =>
          warnings.push(error === undefined ? message : `${message}: ${String(error)}`),
        ...more,
      });
      onTestFinished(() => engine.close(0));
      return engine;
    },
  };
}
