// Ownership, when several nodes work on one store. A node is a running server with a lease: while the lease is good,
// the node may work on its own webhooks and runs. A node whose lease has ended, or whose process has ended, is dead:
// another node raises its epoch and takes over what it owned. The epoch is a fence: the store refuses all writes of a
// node whose epoch was raised. `sqlite/` has one node, which owns everything; `postgres/` has as many as there are.
//
// A module takes only the part that it needs: `NodeLease`, `Lanes`, `RunOwners`, `Claims`, `Commands`,
// `Counters`, `UsedTokens` or `DeltaRelay`.

import type { Delta } from '../contract/event.ts';
import type { Write } from './store.ts';

export interface Ownership {
  /** Whether other nodes may work on the store. Constant; decide by it at set-up, not for each event. */
  readonly shared: boolean;
  readonly node: NodeLease;
  readonly lanes: Lanes;
  readonly runs: RunOwners;
  readonly claims: Claims;
  readonly commands: Commands;
  readonly counters: Counters;
  readonly tokens: UsedTokens;
  /** A random secret of the store, the same for all nodes: for signatures that every node can check. */
  secret(): Promise<string>;
  readonly deltas: DeltaRelay;
  /**
   * Hand over lanes, release claims, and leave. Call it after the agent and the webhook engine have closed, before the
   * store closes. May be called twice.
   */
  close(): Promise<void>;
}

/** Removes a listener, or ends what a call began. May be called twice. */
export type Stop = () => void;

// ---- the node

export interface NodeLease {
  /** `nod_…`. A new one for each process. */
  readonly id: string;
  /** Raised when this node is declared dead. 0 while the node is not a member: before it has joined, or after a loss. */
  readonly epoch: number;
  /**
   * How long the lease is still good, in ms, by the monotonic clock of this machine; 0 if it has ended. `Infinity` on
   * SQLite. Check it before each request and each model step: start none that may take longer, and none at 0.
   */
  leaseLeftMs(): number;
  /**
   * The node was declared dead, or could not renew its lease and had to join again. It owns nothing any more: stop all
   * work at once and record nothing of it (the store would refuse it). `Lanes` calls `lost` for each lane by itself.
   */
  onLost(listener: () => void): Stop;
  /** The node has joined again with a new epoch. It begins with no lanes and no runs. */
  onJoined(listener: () => void): Stop;
  /** The lease is good again, after it had ended or the node had lost everything: continue work that waited for it. */
  onRenewed(listener: () => void): Stop;
  /**
   * A newer release has migrated the store: the node writes nothing any more and does not join again. Called once, with
   * a message for a person; at once if that has happened already. Then end the process cleanly.
   */
  onSuperseded(listener: (message: string) => void): Stop;
  /** All nodes that were seen in the last hour, the oldest first. */
  list(): Promise<readonly NodeInfo[]>;
}

export type NodeStatus = 'alive' | 'left' | 'dead';

/** Times are Unix milliseconds by the clock of the store. */
export interface NodeInfo {
  readonly id: string;
  /** Where clients reach it; null if it is not known yet. */
  readonly url: string | null;
  readonly version: string;
  readonly epoch: number;
  readonly startedAt: number;
  /** On SQLite `null`: the lock on the file is the lease. */
  readonly leaseUntil: number | null;
  /** `left`: it stopped cleanly. `dead`: another node has declared it dead. */
  readonly status: NodeStatus;
  /** True for the node that was asked. */
  readonly self: boolean;
  readonly owns: { readonly lanes: number; readonly runs: number };
  /** Events of the log that it had not seen at its last renewal; null if that is not known. */
  readonly lag: number | null;
}

// ---- webhooks

/** Called by `Lanes`. One call for a lane at a time. */
export interface LaneWorker {
  /** This node owns the webhook now. Read its pending deliveries from the store, then send. */
  gained(webhookId: string): void;
  /**
   * Another node is about to own the webhook. Start no more requests; resolve when those in flight have ended and are
   * recorded. The lane is released then. A rejection is logged, and the lane is released all the same.
   */
  handOver(webhookId: string): Promise<void>;
  /** The lane was lost: abort its requests, record nothing, forget its queue. */
  lost(webhookId: string): void;
}

export interface Lanes {
  /**
   * Begin to claim lanes. Call it once, when the worker is ready. The lanes of all nodes are spread evenly: a node
   * claims free lanes up to its share, hands over what exceeds it if another node has too few, and keeps the rest.
   * On SQLite the worker is never called: it owns all lanes from the start.
   */
  serve(worker: LaneWorker): void;
  /**
   * There is such a webhook. Idempotent: every node adds every webhook that it knows. With `pinned` this node claims it
   * at once and keeps it (webhooks of its own runs); it moves only if the node dies or leaves.
   */
  add(webhookIds: readonly string[], options?: { readonly pinned?: boolean }): Promise<void>;
  /**
   * The webhook was removed. Idempotent. Its owner is not called: it learns of the removal the same way. With
   * `keepPinned` nothing happens to one that this node has pinned, because it may be about to be created.
   */
  remove(webhookIds: readonly string[], options?: { readonly keepPinned?: boolean }): Promise<void>;
  /** Whether this node owns the webhook now. On SQLite always true. */
  isOwn(webhookId: string): boolean;
  /** The live node that owns the webhook; undefined while it is between two owners. */
  ownerOf(webhookId: string): Promise<string | undefined>;
}

// ---- runs

export interface RunOwners {
  /**
   * Add these writes to the commit that starts or resumes a run: this node owns the run from then on. The commit fails
   * with `run_not_resumable` if another live node owns it. Empty on SQLite.
   */
  claim(runId: string): readonly Write[];
  /** Add these writes to the commit that ends a run. Empty on SQLite. */
  release(runId: string): readonly Write[];
  /** The live node that owns the run; undefined if it has ended or its owner is being replaced. */
  ownerOf(runId: string): Promise<string | undefined>;
  /**
   * Called with runs that a dead node left, which this node owns now: interrupt each in one commit, with `release`.
   * Called again after a second if it rejects. Runs that were left before the call are passed at once. If this node
   * dies meanwhile, the rest goes to another one. Never called on SQLite, where `recover` finds them at the start.
   */
  onInherited(interrupt: (runIds: readonly string[]) => Promise<void>): Stop;
}

// ---- other things that one node does at a time

export interface Claims {
  /**
   * Claim a name (`session:ses_…`, `task:retention`) until it is released or this node dies. False if another node
   * holds it; true if this node holds it already.
   */
  claim(name: string): Promise<boolean>;
  /**
   * After a take-over of an `answer:` name, other nodes see its outcome as unknown. With `undone`, the work under the name
   * has changed nothing, so they see it as free again.
   */
  release(name: string, how?: { readonly undone: boolean }): Promise<void>;
  holderOf(name: string): Promise<string | undefined>;
  /** Another node released claims, or died: `claim` may succeed now. Also called when nothing was released. */
  onReleased(listener: () => void): Stop;
}

// ---- commands to another node

export interface CommandRequest {
  /** `run.cancel`, `permission.decide`, … */
  readonly kind: string;
  /** A JSON value. */
  readonly data: unknown;
}

export type CommandOutcome =
  /** The target has handled it. `answer` is what its handler resolved to, a JSON value. */
  | { readonly status: 'done'; readonly answer: unknown }
  /** The handler rejected. A CodeBuddyError keeps its code, message and fields; any other is `internal_error`. */
  | { readonly status: 'failed'; readonly error: Error }
  /** No answer yet. The target may still handle it. */
  | { readonly status: 'pending' }
  /** The target is dead, or died before it answered. It may have handled the command. */
  | { readonly status: 'dead' };

export interface Commands {
  /** Handle the commands of a kind that other nodes send to this one. There is one handler for each kind. */
  handle(kind: string, handler: (data: unknown) => Promise<unknown>): Stop;
  /**
   * Send a command and wait for its answer. The target calls its handler at most once. A command to this node itself is
   * handled at once, without the store. @throws CodeBuddyError `storage_unavailable`
   * @param options.timeoutMs the time until `pending`. @default 5000
   */
  send(
    nodeId: string,
    command: CommandRequest,
    options?: { readonly timeoutMs?: number },
  ): Promise<CommandOutcome>;
}

// ---- sums

export interface Counters {
  /**
   * Add to a sum over all nodes. Resolves to the sum with this amount; each amount is in it once. A sum is forgotten
   * when no node has added to it for a week.
   * @param initial the sum so far, for a counter that does not exist yet
   * @throws CodeBuddyError `storage_unavailable`
   */
  add(name: string, amount: number, initial: () => Promise<number>): Promise<number>;
}

// ---- tokens

/** Tokens that are valid once over all nodes. */
export interface UsedTokens {
  /**
   * Use up a token. True for the first use; false for any further use within `forMs`, even if the node of the first one
   * has died. @throws CodeBuddyError `storage_unavailable`; the token may be used up then
   */
  use(token: string, forMs: number): Promise<boolean>;
}

// ---- deltas

/** The deltas that a reader wants: those of a run, of a session, or all. */
export interface DeltaInterest {
  readonly sessionId?: string;
  readonly runId?: string;
}

/** Passes deltas between nodes. Used by the event log only: publish and subscribe there. Does nothing on SQLite. */
export interface DeltaRelay {
  /** Pass a delta to nodes that listen to it. `after`: the last event that this node had seen. */
  publish(delta: Delta, after: number): void;
  /**
   * Send the deltas of this run that are held back, before an event of the run is appended. Resolves when they are on
   * their way; undefined if there are none. Never rejects.
   */
  flush(runId: string): Promise<void> | undefined;
  /** Tell the other nodes that someone here reads these deltas. */
  listen(interest: DeltaInterest): Stop;
  onDelta(listener: (delta: Delta, after: number) => void): Stop;
}
