// One delivery: an explanation with the next step, its attempts, and a command that sends it by hand.

import { useState } from 'preact/hooks';
import type { ExplainedDelivery } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Code } from '../../parts/code.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Id, shortId } from '../../parts/id.tsx';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { TimedText } from '../../parts/timed-text.tsx';
import { attempt } from '../../parts/toast.tsx';
import { Attempts } from './attempts.tsx';
import { DeliveryState } from './delivery-state.tsx';
import { useFollowDeliveries } from './follow-deliveries.ts';

export function DeliveryView({ id }: { readonly id: string }) {
  const delivery = useResource(`delivery ${id}`, (signal) => client.deliveries.get(id, { signal }), {
    changedBy: ['webhook.'],
  });
  useFollowDeliveries(delivery.value === undefined ? [] : [delivery.value], delivery.reload);
  return (
    <div class="wide-reading">
      <Content of={delivery}>{(loaded) => <Loaded delivery={loaded} reload={delivery.reload} />}</Content>
    </div>
  );
}

interface LoadedProps {
  readonly delivery: ExplainedDelivery;
  readonly reload: () => void;
}

function Loaded({ delivery, reload }: LoadedProps) {
  const { id, event, eventId, webhookId, sequence, createdAt, endedAt, expiresAt, status, explanation } =
    delivery;
  const [isRetrying, setRetrying] = useState(false);
  const webhook = useResource(`webhook-name ${webhookId}`, async (signal) => {
    for await (const one of client.webhooks.list({ limit: 200 }, { signal }))
      if (one.id === webhookId) return { name: one.name };
    // It was removed.
    return { name: undefined };
  });
  const lack = lackOf('admin');
  const isRemoved = webhook.value !== undefined && webhook.value.name === undefined;
  const name = webhook.value?.name ?? shortId(webhookId);
  const retry = async (): Promise<void> => {
    setRetrying(true);
    if (await attempt(() => client.deliveries.retry(id), 'Queued again.')) reload();
    setRetrying(false);
  };
  return (
    <div class="stack sections">
      <header class="row wrap">
        <h1 class="title mono">{event}</h1>
        <DeliveryState delivery={delivery} />
        <Id id={id} />
        <div class="actions">
          <button
            type="button"
            class={status === 'failed' ? 'main' : ''}
            disabled={lack !== undefined || isRemoved || isRetrying}
            title={lack ?? (isRemoved ? 'Its webhook was removed.' : undefined)}
            onClick={retry}
          >
            {status === 'pending' ? 'Send now' : 'Retry'}
          </button>
        </div>
      </header>
      <section class="panel" aria-label="Explanation">
        <div class="body stack">
          <p class="break">
            <TimedText text={explanation.summary} />
          </p>
          <p class="break">
            <strong>Next step:</strong> <TimedText text={explanation.nextStep} />
          </p>
          <Facts
            facts={[
              [
                'Webhook',
                isRemoved ? (
                  <>
                    removed, <Id id={webhookId} />
                  </>
                ) : (
                  <a href={hrefOf(['webhooks', webhookId])}>{name}</a>
                ),
              ],
              [
                'Event',
                <>
                  <a href={hrefOf(['events'], { type: event, open: eventId })}>number {sequence}</a>{' '}
                  <Id id={eventId} />
                </>,
              ],
              ['Created', <Time at={createdAt} />],
              endedAt === null ? ['Expires', <Time at={expiresAt} />] : ['Ended', <Time at={endedAt} />],
            ]}
          />
        </div>
      </section>
      <section class="panel" aria-label="Attempts">
        <header>
          <h2>Attempts</h2>
          <span class="quiet">{delivery.attemptLog.length}</span>
        </header>
        <div class="body">
          <Attempts delivery={delivery} />
        </div>
      </section>
      <section class="panel" aria-label="Repeat by hand">
        <header>
          <h2>Repeat by hand</h2>
        </header>
        <div class="body">
          {explanation.curl === null ? (
            <p class="quiet">
              {lack ??
                (isRemoved
                  ? 'Its webhook was removed, so there is no URL and no secret.'
                  : 'The body is too long for a command.')}
            </p>
          ) : (
            <Code text={explanation.curl} language="sh, signed now" />
          )}
        </div>
      </section>
    </div>
  );
}
