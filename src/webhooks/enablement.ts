// Enables and disables webhooks. From the moment a webhook is disabled its events are counted as missed instead of
// queued; from the moment it is enabled they are queued again, after those that it missed if the user wants them.

import { maskUrlsIn } from '../base/redaction.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EngineContext } from './engine-context.ts';
import type { EntryChanges } from './entry-changes.ts';
import type { Lane } from './lane.ts';
import type { WebhookOutbox } from './outbox.ts';
import type { Replays } from './replays.ts';
import { freshenAll } from './resume-now.ts';
import type { SavedState } from './saved-state.ts';
import { afterNewTarget } from './webhook-health.ts';
import { putState } from './webhook-writes.ts';

export interface Enablement {
  /** Returns how many missed events were queued; with `replayMissed` false none are. */
  enable(lane: Lane, replayMissed: boolean): Promise<number>;
  /** `isInFile`: webhooks.json says so already. */
  disable(lane: Lane, reason: string, message: string, isInFile: boolean): Promise<void>;
  /** Disables a webhook because of its receiver, and writes that to webhooks.json. */
  disableByReceiver(lane: Lane, reason: string, message: string): Promise<void>;
  /** Starts counting missed events for a webhook that is created disabled. */
  createdDisabled(lane: Lane): Promise<void>;
  /**
   * Applies the `enabled` values of webhooks.json at the start. `last`: the last event of the log before this process.
   */
  settleAtStart(lane: Lane, last: number): void;
  /**
   * Queues the events that a webhook missed before anything newer is sent. After a crash in between, the next start
   * repeats this.
   */
  deliverMissed(lane: Lane): Promise<number>;
}

export interface EnablementOptions {
  readonly context: EngineContext;
  readonly entries: Pick<EntryChanges, 'setEnabled'>;
  readonly outbox: Pick<WebhookOutbox, 'lanesChanged'>;
  readonly dispatcher: Pick<Dispatcher, 'wake'>;
  readonly replays: Pick<Replays, 'run'>;
}

export function createEnablement({
  context: { store, log, clock, lanes, turns, signal, nodes, warn, inBackground },
  entries,
  outbox,
  dispatcher,
  replays,
}: EnablementOptions): Enablement {
  function disabledState(state: SavedState, reason: string, missedAfter: number): SavedState {
    return { ...state, disabledAt: clock.now(), disabledReason: reason, missedAfter, disabledInFile: true };
  }

  /** Counts events as missed from this call on. If that fails, nothing is changed. */
  async function countFromNow(lane: Lane, reason: string, isInFile: boolean): Promise<void> {
    const before = lane.state;
    // Asked for before anything else can be committed.
    const bounds = log.bounds();
    lane.setState({
      ...disabledState(before, reason, Number.MAX_SAFE_INTEGER),
      disabledInFile: isInFile,
    });
    outbox.lanesChanged();
    try {
      lane.setState({ ...lane.state, missedAfter: (await bounds).last });
    } catch (error) {
      lane.setState(before);
      outbox.lanesChanged();
      throw error;
    }
  }

  async function disable(lane: Lane, reason: string, message: string, isInFile: boolean): Promise<void> {
    await countFromNow(lane, reason, isInFile);
    lane.stopTimer();
    const name = maskUrlsIn(lane.config.name);
    warn(`webhook ${lane.id} (${name}) is disabled: ${message}`);
    await log.append(
      [{ type: 'webhook.disabled', data: { webhookId: lane.id, name, reason, message } }],
      [putState(lane)],
    );
  }

  /** If this fails, the webhook still stays disabled. */
  async function writeDisabled(lane: Lane): Promise<void> {
    await entries.setEnabled(lane, false);
    lane.setState({ ...lane.state, disabledInFile: true });
    lane.configure({ ...lane.config, enabled: false }, lane.refusal);
    await store.write([putState(lane)]);
  }

  async function enable(lane: Lane, replayMissed: boolean): Promise<number> {
    const { missedAfter } = lane.state;
    await entries.setEnabled(lane, true);
    const release = lane.hold();
    try {
      lane.configure({ ...lane.config, enabled: true }, lane.refusal);
      lane.setState({
        // If it failed before, a single request is sent first.
        ...afterNewTarget(lane.state, clock.now()),
        disabledAt: null,
        disabledReason: null,
        disabledInFile: true,
        missedAfter: replayMissed ? missedAfter : null,
        failingTold: false,
      });
      lane.wasEnabled();
      lane.reached();
      outbox.lanesChanged();
      // When this is committed, so is every event whose receivers were chosen before.
      await store.write([putState(lane)]);
      await freshenAll(store, lane);
      return await deliverMissed(lane);
    } finally {
      release();
      dispatcher.wake(lane);
    }
  }

  async function deliverMissed(lane: Lane): Promise<number> {
    const { missedAfter } = lane.state;
    const release = lane.hold();
    try {
      if (missedAfter === null) return 0;
      // The other nodes count events as missed until they know that the webhook is enabled.
      await nodes?.settle();
      const { queued } = await replays.run(lane, { after: missedAfter });
      if (!signal.aborted) {
        lane.setState({ ...lane.state, missedAfter: null });
        await store.write([putState(lane)]);
      }
      return queued;
    } finally {
      release();
      dispatcher.wake(lane);
    }
  }

  return {
    enable,
    disable,
    deliverMissed,
    async disableByReceiver(lane, reason, message) {
      const before = lane.state;
      try {
        await disable(lane, reason, message, false);
      } catch (error) {
        // Not disabled after all; the receiver's next answer tries again.
        lane.setState(before);
        outbox.lanesChanged();
        dispatcher.wake(lane);
        throw error;
      }
      // Other nodes choose receivers by the registry alone, so it has the webhooks of runs, too.
      if ((lane.runId === undefined || nodes !== undefined) && lanes.has(lane.id)) await writeDisabled(lane);
    },
    async createdDisabled(lane) {
      // The owner of a shadow counts, from the moment when it takes it up.
      if (lane.state.disabledAt !== null || lane.isShadow) return;
      await countFromNow(lane, 'by_hand', true);
      await store.write([putState(lane)]);
    },
    settleAtStart(lane, last) {
      const { config, state } = lane;
      if (!config.enabled && state.disabledAt === null) {
        lane.setState(disabledState(state, 'by_hand', last));
        inBackground(turns.take(lane.id, () => store.write([putState(lane)])));
      } else if (config.enabled && state.disabledAt !== null) {
        // Enabled in the file while the server was stopped, or disabled by its receiver without the file being written.
        if (state.disabledInFile) inBackground(turns.take(lane.id, () => enable(lane, false)));
        else inBackground(turns.take(lane.id, () => writeDisabled(lane)));
      }
    },
  };
}
