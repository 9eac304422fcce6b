// The success rate of a webhook in the last day. The API has no totals for a webhook, so this counts its newest
// deliveries.

import type { Delivery } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { formatDuration, plural } from '../../parts/format.ts';
import { Sparkline } from '../../parts/sparkline.tsx';

const counted = 100;
const shownBars = 30;
const dayMs = 86_400_000;

export function LastDay({ webhookId }: { readonly webhookId: string }) {
  const { value } = useResource(
    `webhook-day ${webhookId}`,
    (signal) =>
      client.deliveries.list(
        { webhookId, limit: counted, since: new Date(Date.now() - dayMs).toISOString() },
        { signal },
      ),
    { changedBy: ['*'], quietMs: 3000 },
  );
  if (value === undefined) return null;
  const { deliveries, nextCursor } = value;
  const tried = deliveries.filter(({ attemptLog }) => attemptLog.length > 0);
  if (tried.length === 0) return <span class="quiet">nothing sent in the last day</span>;
  const successes = tried.filter(({ status }) => status === 'success').length;
  const rate = Math.floor((successes / tried.length) * 1000) / 10;
  const tone = rate === 100 ? '' : rate < 50 ? 'bad' : 'warn';
  const whole =
    nextCursor === null
      ? `Of ${plural(tried.length, 'delivery', 'deliveries')} in the last day`
      : `Of the ${counted} newest deliveries; there are more in the last day`;
  const p95 = percentile(tried.flatMap(durationsOf), 0.95);
  const bars = tried
    .slice(0, shownBars)
    .reverse()
    .map((delivery) => ({
      value: delivery.attemptLog.at(-1)?.durationMs ?? 0,
      isBad: delivery.status !== 'success',
    }));
  return (
    <>
      <Sparkline
        bars={bars}
        label={`${whole}: ${rate} % were delivered. Bars: how long each took; red: not delivered.`}
      />
      <span class={`number ${tone}`} title={`Delivered. ${whole}.`}>
        {rate} %
      </span>
      <span class="number quiet" title={`95 of 100 answers came within this time. ${whole}.`}>
        {p95 === undefined ? 'no answer' : `p95 ${formatDuration(p95)}`}
      </span>
    </>
  );
}

function durationsOf({ attemptLog }: Delivery): readonly number[] {
  return attemptLog.flatMap(({ statusCode, durationMs }) => (statusCode === null ? [] : [durationMs]));
}

function percentile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
