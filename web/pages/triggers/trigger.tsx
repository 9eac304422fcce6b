// One trigger: what it does, its actions, a dry test, and its calls with outcome and reason.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Trigger } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { go } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { Facts } from '../../parts/facts.tsx';
import { Id } from '../../parts/id.tsx';
import { LongText } from '../../parts/json.tsx';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { EditTrigger } from './edit-trigger.tsx';
import { TriggerActions } from './trigger-actions.tsx';
import { TriggerCalls } from './trigger-calls.tsx';
import { TriggerState } from './trigger-state.tsx';
import { TriggerTest } from './trigger-test.tsx';

export interface TriggerViewProps {
  readonly id: string;
  /** Of the calls that are shown. */
  readonly outcome: string | undefined;
}

export function TriggerView({ id, outcome }: TriggerViewProps) {
  const trigger = useResource(`trigger ${id}`, (signal) => client.triggers.get(id, { signal }), {
    changedBy: ['trigger.'],
  });
  const [isEditing, setEditing] = useState(false);
  return (
    <div class="reading">
      <Content of={trigger}>
        {(value) => (
          <div class="stack sections">
            <header class="row wrap">
              <h1 class="title">{value.name}</h1>
              <TriggerState trigger={value} />
              <Id id={id} />
            </header>
            {value.refusal !== null && <p class="bad break">It cannot be used: {value.refusal}</p>}
            <TriggerActions
              trigger={value}
              reload={trigger.reload}
              onEdit={() => setEditing(true)}
              onRemoved={() => go(['triggers'])}
            />
            {isEditing ? (
              <EditTrigger
                trigger={value}
                onClose={() => setEditing(false)}
                onSaved={() => {
                  setEditing(false);
                  trigger.reload();
                }}
              />
            ) : (
              <Settings trigger={value} />
            )}
            <TriggerTest trigger={value} />
            <TriggerCalls id={id} outcome={outcome} />
          </div>
        )}
      </Content>
    </div>
  );
}

function Settings({ trigger }: { readonly trigger: Trigger }) {
  const { path, schedule, filter, limits, sessionKey, coalesceKey, nextRunAt, previousSecretUntil } = trigger;
  const time = (at: string | null): ComponentChildren => at !== null && <Time at={at} />;
  return (
    <section class="panel" aria-label="Settings">
      <header>
        <h2>Settings</h2>
      </header>
      <div class="body stack">
        {trigger.description !== '' && <p class="break">{trigger.description}</p>}
        <Facts
          facts={[
            ['Source', trigger.source],
            path === null ? undefined : ['URL', <span class="mono break">{location.origin + path}</span>],
            schedule === undefined
              ? undefined
              : ['Schedule', `${schedule.cron} (${schedule.timeZone ?? 'UTC'})`],
            schedule === undefined
              ? undefined
              : ['Missed times', schedule.missed === 'once' ? 'one run' : 'are skipped'],
            nextRunAt === null ? undefined : ['Next run', time(nextRunAt)],
            Object.keys(filter).length === 0
              ? undefined
              : ['Filter', <span class="mono break">{JSON.stringify(filter)}</span>],
            ['Permission mode', trigger.permissionMode],
            ['Session', sessionKey ?? 'a new one for each call'],
            coalesceKey === null ? undefined : ['Coalescing key', coalesceKey],
            ['Limits', `${limits.perMinute} runs a minute, ${limits.perHour} an hour`],
            limits.costPerDay === undefined ? undefined : ['Cost a day', `$${limits.costPerDay} at most`],
            previousSecretUntil === null
              ? undefined
              : ['Old secret', <>accepted until {time(previousSecretUntil)}</>],
          ]}
        />
        <LongText label="Prompt" text={trigger.prompt} />
      </div>
    </section>
  );
}
