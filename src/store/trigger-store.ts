// The part of the store for triggers: their calls, the keys by which a repeated call is recognized, and
// what each trigger must remember.

import type { TriggerOutcome } from '../contract/trigger-outcome.ts';
import type { SharedEntryTable } from './shared-entries.ts';

/** A call of a trigger and its outcome. Times are Unix milliseconds. */
export interface TriggerCallRow {
  readonly id: string;
  readonly triggerId: string;
  readonly receivedAt: number;
  readonly outcome: TriggerOutcome;
  /** The run that it started, or that the first of repeated calls started. */
  readonly runId: string | null;
  /** A later call with the same one takes the place of a run that has not begun. */
  readonly coalesceKey: string | null;
  /** JSON object of the rest. */
  readonly details: string;
}

/** An identity of an accepted call. A call with an identity that exists is a repetition. */
export interface TriggerKeyRow {
  readonly triggerId: string;
  readonly key: string;
  readonly callId: string;
  readonly runId: string;
  readonly sessionId: string;
  readonly createdAt: number;
}

export type TriggerWrite =
  /** If the call exists, only its details are changed. */
  | { readonly kind: 'addTriggerCall'; readonly call: TriggerCallRow }
  /** Fails all writes of the caller if the key exists. */
  | { readonly kind: 'claimTriggerKey'; readonly row: TriggerKeyRow }
  | { readonly kind: 'putTriggerState'; readonly triggerId: string; readonly state: string }
  | { readonly kind: 'deleteTriggerState'; readonly triggerId: string };

export interface TriggerStore {
  /** Present if the store can be shared. Otherwise triggers.json has the triggers. */
  readonly registry?: SharedEntryTable | undefined;
  /** The first of these keys that was claimed. */
  findKey(triggerId: string, keys: readonly string[]): Promise<TriggerKeyRow | undefined>;
  /** Newest first by id; `beforeId` is exclusive. */
  listCalls(page: {
    readonly triggerId: string;
    readonly limit: number;
    readonly beforeId?: string;
    readonly outcome?: TriggerOutcome;
  }): Promise<readonly TriggerCallRow[]>;
  /** The calls whose runs are queued, among the latest 20 with this coalescing key; newest first. */
  queuedCalls(triggerId: string, coalesceKey: string): Promise<readonly TriggerCallRow[]>;
  /** US dollars of the runs that calls since this time started. */
  costSince(triggerId: string, since: number): Promise<number>;
  states(): Promise<readonly { readonly triggerId: string; readonly state: string }[]>;
  /** Deletes at most `max` calls older than `before`, oldest first. Resolves to their number. */
  pruneCalls(before: number, max: number): Promise<number>;
  /** Deletes at most `max` calls of a trigger beyond the newest `keep`. Resolves to their number. */
  trimCalls(triggerId: string, keep: number, max: number): Promise<number>;
  /** Deletes at most `max` keys older than `before`. Resolves to their number. */
  pruneKeys(before: number, max: number): Promise<number>;
}
