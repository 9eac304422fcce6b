// The native watcher (@parcel/watcher), loaded when it is first needed. It only says where to look.

import { sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AsyncSubscription, BackendType, SubscribeCallback } from '@parcel/watcher';
import { CodeBuddyError } from '../../errors.ts';

export interface NativeModule {
  subscribe(
    folder: string,
    onEvents: SubscribeCallback,
    options: { readonly backend?: BackendType; readonly ignore: string[] },
  ): Promise<AsyncSubscription>;
}

export const loadNative = async (): Promise<NativeModule> => import('@parcel/watcher');

/** The system's own, so that the same machine behaves the same with and without watchman. */
const backends: Partial<Record<NodeJS.Platform, BackendType>> = {
  linux: 'inotify',
  darwin: 'fs-events',
  win32: 'windows',
};
/** Each event is held against each of them, one after the other. */
const maxIgnored = 200;
/** A folder that goes away while the tree is read fails the whole; then it is read again. */
const retryPausesMs = [50, 200, 800];

export interface NativeWatchOptions {
  readonly native: NativeModule;
  readonly root: string;
  /** Not watched at all, relative to the root; the first are the most worth it. */
  readonly ignored: readonly string[];
  /** Relative to the root, '' is the root itself. */
  readonly onPaths: (paths: readonly string[]) => void;
  /** Changes may have been missed, and there may be no more. */
  readonly onLost: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** @throws Error when the folder cannot be watched */
export async function openNativeWatch(options: NativeWatchOptions): Promise<AsyncSubscription> {
  const { native, root, ignored, onPaths, onLost, signal } = options;
  const prefix = root.endsWith(sep) ? root : root + sep;
  const backend = backends[process.platform];
  // Relative, and without what would be taken for a pattern: these are filtered by us.
  const ignore = ignored.filter((path) => !/[*?[\]{}()!+@|\\]/.test(path)).slice(0, maxIgnored);
  const onEvents: SubscribeCallback = (error, events) => {
    if (signal.aborted) return;
    if (error !== null) return onLost(error);
    onPaths(events.map(({ path }) => path.slice(prefix.length).replaceAll(sep, '/')));
  };
  for (let attempt = 0; ; attempt++) {
    try {
      return await native.subscribe(root, onEvents, { ignore, ...(backend === undefined ? {} : { backend }) });
    } catch (error) {
      const pauseMs = retryPausesMs[attempt];
      if (pauseMs === undefined || isLimit(error) || signal.aborted) throw explain(root, error);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** It fails where a folder that was moved is gone by now; then there is nothing to end. */
export async function closeNativeWatch(subscription: AsyncSubscription | undefined): Promise<void> {
  await subscription?.unsubscribe().catch(() => undefined);
}

/** What a person can do about a watch that cannot be had. */
export function explain(root: string, cause: unknown): CodeBuddyError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const advice = isLimit(cause)
    ? '; the limit of the system is reached: raise fs.inotify.max_user_watches and max_user_instances'
    : '';
  return new CodeBuddyError('internal_error', `the folder ${root} cannot be watched: ${message}${advice}`, {
    cause,
  });
}

function isLimit(error: unknown): boolean {
  return error instanceof Error && /no space left|too many open files|ENOSPC|EMFILE/i.test(error.message);
}
