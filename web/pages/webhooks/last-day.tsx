// How the deliveries of a webhook went in the last day: a bar for each hour, the success rate and the 95th percentile.

import type { WebhookDay } from '../../../src/contract/webhook-figures.ts';
import { type Resource, useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { formatCount, formatDuration, plural } from '../../parts/format.ts';
import { Sparkline } from '../../parts/sparkline.tsx';

/** One request for all webhooks. */
export function useWebhookDay(): Resource<WebhookDay> {
  return useResource('webhook-day', (signal) => client.webhooks.figures({ signal }), {
    changedBy: ['*'],
    quietMs: 3000,
  });
}

export interface LastDayProps {
  readonly day: WebhookDay | undefined;
  readonly webhookId: string;
}

export function LastDay({ day, webhookId }: LastDayProps) {
  if (day === undefined) return null;
  const figures = day.webhooks.find((one) => one.webhookId === webhookId);
  if (figures === undefined) return <span class="quiet">nothing sent in the last day</span>;
  const { delivered, failed, retrying, successRate, p95Ms, hours } = figures;
  const sent = delivered + failed + retrying;
  const rate = Math.floor(successRate * 1000) / 10;
  const tone = rate === 100 ? '' : rate < 50 ? 'bad' : 'warn';
  const whole = day.isComplete
    ? `Of ${plural(sent, 'delivery', 'deliveries')} in the last day`
    : `Of the newest ${plural(sent, 'delivery', 'deliveries')}; the figures cover the newest ${formatCount(day.read)} of all webhooks`;
  return (
    <>
      <Sparkline
        bars={hours.map((hour) => ({
          value: hour.delivered + hour.undelivered,
          isBad: hour.undelivered > 0,
        }))}
        label={`${whole}: ${rate} % were delivered. One bar an hour; red: not all were delivered.`}
      />
      <span class={`number ${tone}`} title={`Delivered. ${whole}.`}>
        {rate} %
      </span>
      <span class="number quiet" title={`95 of 100 answers came within this time. ${whole}.`}>
        {p95Ms === null ? 'no answer' : `p95 ${formatDuration(p95Ms)}`}
      </span>
    </>
  );
}
