// Sends a test event to a webhook, at most ten times a minute.

import { CodeBuddyError } from '../base/errors.ts';
import { maskUrlsIn } from '../base/redaction.ts';
import type { Delivery } from '../contract/delivery.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import type { Resuming } from './resume-now.ts';
import { webhookNotFound } from './webhook-errors.ts';

export interface TestDelivery {
  /** @throws CodeBuddyError `webhook_disabled`, `webhook_refused`, `too_many_tests`, `webhook_not_found` */
  test(lane: Lane): Promise<Delivery>;
}

const maxPerMinute = 10;
const minuteMs = 60_000;

export function createTestDelivery(
  { store, log, clock }: EngineContext,
  resuming: Pick<Resuming, 'sendNow'>,
  view: (row: DeliveryWithAttempts) => Delivery,
): TestDelivery {
  const tests = new Map<string, readonly number[]>();

  function checkRate(id: string): void {
    const now = clock.wall();
    const recent = (tests.get(id) ?? []).filter((at) => at > now - minuteMs && at <= now);
    const [first] = recent;
    if (first !== undefined && recent.length >= maxPerMinute) {
      const seconds = Math.ceil((first + minuteMs - now) / 1000);
      throw new CodeBuddyError(
        'too_many_tests',
        `Webhook ${id} was tested ${recent.length} times within a minute; try again in ${seconds} s.`,
        { headers: { 'Retry-After': String(seconds) } },
      );
    }
    tests.set(id, [...recent, now]);
  }

  return {
    async test(lane) {
      const { id, config, refusal } = lane;
      if (!lane.isEnabled)
        throw new CodeBuddyError('webhook_disabled', `Webhook ${id} is disabled; enable it first.`);
      if (refusal !== undefined)
        throw new CodeBuddyError('webhook_refused', `Webhook ${id} is refused: ${maskUrlsIn(refusal)}.`);
      checkRate(id);
      const message = 'This is a test. If you can read it, the webhook works.';
      const [event] = await log.append([
        { type: 'webhook.test', data: { webhookId: id, name: maskUrlsIn(config.name), message } },
      ]);
      const [row] = await store.listDeliveries({ webhookId: id, eventId: event?.id ?? '', limit: 1 });
      if (row === undefined) throw webhookNotFound(id);
      await resuming.sendNow(lane, row);
      return view(row);
    },
  };
}
