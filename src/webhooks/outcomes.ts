// Handles the outcomes of attempts: counts them, warns the host, and logs events about the health of webhooks.

import { maskUrlsIn } from '../base/redaction.ts';
import { shownPast } from '../events/shown-time.ts';
import { createClockSkewWatch } from './clock-skew.ts';
import type { DeliveryFigures } from './delivery-figures.ts';
import type { DispatcherHooks } from './dispatcher-hooks.ts';
import type { Enablement } from './enablement.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import { hasNetwork, isLocal } from './own-network.ts';

export interface Outcomes {
  readonly hooks: DispatcherHooks;
  /** The reason why this machine can send no delivery now; undefined if it can. */
  trouble(): string | undefined;
}

export interface OutcomesOptions {
  readonly context: EngineContext;
  readonly figures: DeliveryFigures;
  /** Called when a delivery has ended. */
  readonly onEnded: (lane: Lane, id: string) => void;
  readonly disableByReceiver: Enablement['disableByReceiver'];
}

export function createOutcomes({
  context: { log, clock, lanes, turns, warn, inBackground },
  figures,
  onEnded,
  disableByReceiver,
}: OutcomesOptions): Outcomes {
  const skew = createClockSkewWatch();
  let trouble: string | undefined;

  async function announce(
    lane: Lane,
    change: Parameters<DispatcherHooks['onHealth']>[1],
    reason: string,
  ): Promise<void> {
    const { failures, failingSince } = lane.state;
    const { timesEnabled } = lane;
    // Other receivers get this event, and keys that may only read can see it.
    const name = maskUrlsIn(lane.config.name);
    const subject = { webhookId: lane.id, name };
    const since = shownPast(failingSince ?? clock.now(), clock.wall());
    if (change === 'failing') {
      warn(`webhook ${lane.id} (${name}) has had only failures since ${since}: ${reason}`);
      await log.append([{ type: 'webhook.failing', data: { ...subject, since, failures, reason } }]);
    } else if (change === 'recovered') {
      await log.append([{ type: 'webhook.recovered', data: { ...subject, since, failures } }]);
    } else {
      await turns.take(lane.id, async () => {
        // A user may have enabled it in an earlier turn.
        const isSame = lanes.get(lane.id) === lane && lane.timesEnabled === timesEnabled;
        if (lane.isEnabled && isSame)
          await disableByReceiver(lane, change === 'disable' ? 'failing' : change, reason);
      });
    }
  }

  const hooks: DispatcherHooks = {
    onRecorded(lane, before, { id, status }) {
      if (before.tries > 0) figures.retried();
      if (status === 'pending') return;
      figures.ended(status);
      onEnded(lane, id);
    },
    onAttempt(lane, { outcome }, result) {
      figures.attempted(outcome, result.durationMs);
      if (result.kind !== 'answer') return;
      const seconds = skew.observe(lane.url.origin, result.headers.date, clock.wall());
      if (seconds !== undefined)
        warn(
          `clock_skew: this machine's clock differs by ${seconds} s from those of three receivers, which may refuse its timestamps; correct the clock`,
        );
    },
    onHealth: (lane, change, reason) =>
      inBackground(announce(lane, change, maskUrlsIn(lane.redactor.redact(reason)))),
    onTrouble(message) {
      if (message !== undefined && trouble === undefined)
        warn(`webhooks cannot be sent now: ${message}. The fault is on this machine; no attempt is spent`);
      if (message === undefined && trouble !== undefined) warn('webhooks are sent again');
      trouble = message;
    },
    isOffline: (lane) => !isLocal(lane.url) && !hasNetwork(),
    onUnreachable(lane, message) {
      const name = `webhook ${lane.id} (${maskUrlsIn(lane.config.name)})`;
      if (message === undefined) warn(`${name} can be reached again`);
      else
        warn(
          `${name} cannot be reached from this machine: ${message}. It is retried, and no attempt is spent`,
        );
    },
    onError: (error) => warn('internal error in a delivery', error),
  };
  return { hooks, trouble: () => trouble };
}
