// One webhook: its state and the next step, its actions, its settings, and its newest deliveries.

import { useEffect, useState } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import { useFollowPending } from '../../app/follow-pending.ts';
import { useResource } from '../../app/resource.ts';
import { go, hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { Facts } from '../../parts/facts.tsx';
import { formatCount } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { TimedText } from '../../parts/timed-text.tsx';
import { DeliveryRows } from '../deliveries/delivery-rows.tsx';
import { useFollowDeliveries } from '../deliveries/follow-deliveries.ts';
import { EditWebhook } from './edit-webhook.tsx';
import { LastDay, useWebhookDay } from './last-day.tsx';
import { StateWords } from './state-words.tsx';
import { TestResult } from './test-result.tsx';
import { WebhookActions } from './webhook-actions.tsx';
import { WebhookSettings } from './webhook-settings.tsx';

export function WebhookView({ id }: { readonly id: string }) {
  const webhook = useResource(`webhook ${id}`, (signal) => client.webhooks.get(id, { signal }), {
    changedBy: ['*'],
    quietMs: 500,
  });
  const state = webhook.value?.state;
  const isBusy = state !== undefined && state.status !== 'disabled' && state.pending > 0;
  const due = state?.pausedUntil ?? state?.nextProbeAt;
  useFollowPending({
    pending: isBusy ? `${state.pending} ${state.failures}` : undefined,
    dueAt: due ? Date.parse(due) : undefined,
    reload: webhook.reload,
  });
  return (
    <div class="reading">
      <Content of={webhook}>{(value) => <Loaded webhook={value} reload={webhook.reload} />}</Content>
    </div>
  );
}

interface LoadedProps {
  readonly webhook: Webhook;
  readonly reload: () => void;
}

function Loaded({ webhook, reload }: LoadedProps) {
  const [testId, setTestId] = useState<string>();
  const [isEditing, setEditing] = useState(false);
  const { id, name, url, runId } = webhook;
  return (
    <div class="stack sections">
      <header class="row wrap">
        <h1 class="title">{name}</h1>
        <StateWords webhook={webhook} />
        <Id id={id} />
      </header>
      <p class="mono quiet break">{url}</p>
      {runId !== null && (
        <p class="quiet">
          It is for the run <Id id={runId} /> only, and is removed when its deliveries have ended.
        </p>
      )}
      <WebhookActions
        webhook={webhook}
        reload={reload}
        onEdit={() => setEditing(true)}
        onTested={setTestId}
        onRemoved={() => go(['webhooks'])}
      />
      {testId !== undefined && <TestResult key={testId} id={testId} onClose={() => setTestId(undefined)} />}
      <StatePanel webhook={webhook} />
      {isEditing ? (
        <EditWebhook
          webhook={webhook}
          onClose={() => setEditing(false)}
          onSaved={() => {
            setEditing(false);
            reload();
          }}
        />
      ) : (
        <WebhookSettings webhook={webhook} />
      )}
      <Newest webhook={webhook} />
    </div>
  );
}

function StatePanel({ webhook }: { readonly webhook: Webhook }) {
  const { id, state } = webhook;
  const day = useWebhookDay();
  // Deliveries end without an event.
  useEffect(day.reload, [state.pending, state.lastSuccessAt, state.failures]);
  const time = (at: string | null) => at !== null && <Time at={at} />;
  return (
    <section class="panel" aria-label="State">
      <header>
        <h2 class="grow">State</h2>
        <LastDay day={day.value} webhookId={id} />
      </header>
      <div class="body stack">
        <p class="break">
          <TimedText text={state.detail} />
        </p>
        <Facts
          facts={[
            ['Last success', time(state.lastSuccessAt) || 'none yet'],
            state.failingSince === null ? undefined : ['Failing since', time(state.failingSince)],
            state.pausedUntil === null ? undefined : ['Paused until', time(state.pausedUntil)],
            state.nextProbeAt === null ? undefined : ['Next request', time(state.nextProbeAt)],
            state.disabledAt === null ? undefined : ['Off since', time(state.disabledAt)],
            ['Pending', formatCount(state.pending)],
            ['Under way', formatCount(state.inFlight)],
            state.failures === 0 ? undefined : ['Failures in a row', formatCount(state.failures)],
            state.missed === 0 ? undefined : ['Missed events', formatCount(state.missed)],
          ]}
        />
      </div>
    </section>
  );
}

function Newest({ webhook: { id } }: { readonly webhook: Webhook }) {
  const deliveries = useResource(
    `webhook-deliveries ${id}`,
    (signal) => client.deliveries.list({ webhookId: id, limit: 10 }, { signal }),
    { changedBy: ['*'], quietMs: 1000 },
  );
  useFollowDeliveries(deliveries.value?.deliveries ?? [], deliveries.reload);
  return (
    <section class="panel" aria-label="Newest deliveries">
      <header>
        <h2 class="grow">Newest deliveries</h2>
        <a href={hrefOf(['deliveries'], { webhookId: id })}>All deliveries</a>
      </header>
      <Content of={deliveries}>
        {({ deliveries: rows }) =>
          rows.length === 0 ? (
            <p class="body quiet">No deliveries yet. Test the webhook, or wait for an event.</p>
          ) : (
            <DeliveryRows deliveries={rows} />
          )
        }
      </Content>
    </section>
  );
}
