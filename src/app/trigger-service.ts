// Triggers as a service that is opened when it is needed: at the start if there are triggers, else at the first request
// about them, or when triggers.json appears.

import { existsSync } from 'node:fs';
import type { TriggerService } from '../http/trigger-service.ts';
import { watchFile } from '../registry/file-watch.ts';
import type { Triggers, TriggersOptions } from '../triggers/triggers.ts';

export interface LazyTriggers {
  readonly service: TriggerService;
  /** Opens them if there are any. Call it when the server listens: schedules begin then. */
  start(): void;
  close(): Promise<void>;
}

const noCalls = { accepted: 0, duplicate: 0, ignored: 0, refused: 0 };

export function createTriggerService(options: TriggersOptions): LazyTriggers {
  let opening: Promise<Triggers> | undefined;
  let opened: Triggers | undefined;
  let isClosed = false;
  const { path, ownership, warn } = options;

  function open(): Promise<Triggers> {
    if (opening === undefined) {
      watching?.close();
      opening = import('../triggers/triggers.ts').then(({ openTriggers }) => openTriggers(options));
      opening.then(
        (triggers) => {
          opened = triggers;
        },
        // The next request tries again.
        () => {
          opening = undefined;
        },
      );
    }
    return opening;
  }

  function openIfThere(): void {
    if (isClosed || opening !== undefined) return;
    if (ownership?.shared === true || existsSync(path))
      open().catch((error: unknown) => warn('the triggers could not be opened', error));
  }

  let watching: ReturnType<typeof watchFile> | undefined;
  return {
    service: {
      list: async () => (await open()).list(),
      get: async (id) => (await open()).get(id),
      create: async (input) => (await open()).create(input),
      update: async (id, patch) => (await open()).update(id, patch),
      remove: async (id) => (await open()).remove(id),
      rotateSecret: async (id, secret) => (await open()).rotateSecret(id, secret),
      test: async (id, test) => (await open()).test(id, test),
      calls: async (id, page) => (await open()).calls(id, page),
      stats: () => opened?.stats() ?? noCalls,
      receive: async (id, call) => (await open()).receive(id, call),
    },
    start() {
      openIfThere();
      if (opening === undefined && !isClosed)
        watching = watchFile({ path, onChange: openIfThere, warn: (message) => warn(message) });
    },
    async close() {
      isClosed = true;
      watching?.close();
      const triggers = await opening?.catch(() => undefined);
      await triggers?.close();
    },
  };
}
