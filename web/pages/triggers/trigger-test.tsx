// A dry test: shows what a call would do. Nothing is started or logged.

import { useState } from 'preact/hooks';
import type { Trigger } from '../../../src/client/web.ts';
import type { TriggerTestResult } from '../../../src/contract/trigger-call.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Facts } from '../../parts/facts.tsx';
import { LongText } from '../../parts/json.tsx';
import { attempt } from '../../parts/toast.tsx';
import { Outcome } from './trigger-state.tsx';

export function TriggerTest({ trigger: { id, source } }: { readonly trigger: Trigger }) {
  const [payload, setPayload] = useState('{}');
  const [event, setEvent] = useState('');
  const [result, setResult] = useState<TriggerTestResult>();
  const test = (): Promise<boolean> =>
    attempt(async () =>
      setResult(
        await client.triggers.test(id, {
          ...(source === 'schedule' ? {} : { payload }),
          ...(event.trim() === '' ? {} : { event: event.trim() }),
        }),
      ),
    );
  return (
    <section class="panel" aria-label="Dry test">
      <header>
        <h2>Dry test</h2>
      </header>
      <form
        class="body stack"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          void test();
        }}
      >
        {source !== 'schedule' && (
          <div class="field">
            <label for="trigger-payload">Payload</label>
            <textarea
              id="trigger-payload"
              class="mono"
              rows={6}
              spellcheck={false}
              value={payload}
              onInput={({ currentTarget }) => setPayload(currentTarget.value)}
            />
          </div>
        )}
        {source === 'github' && (
          <div class="field">
            <label for="trigger-event">Event</label>
            <input
              id="trigger-event"
              placeholder="pull_request"
              value={event}
              onInput={({ currentTarget }) => setEvent(currentTarget.value)}
            />
          </div>
        )}
        <div class="row">
          <button type="submit" {...may('admin')}>
            Test
          </button>
          <span class="quiet">Nothing is started or logged.</span>
        </div>
        {result !== undefined && <Result result={result} />}
      </form>
    </section>
  );
}

function Result({ result }: { readonly result: TriggerTestResult }) {
  const { outcome, reason, event, sessionKey, coalesceKey, permissionMode, prompt } = result;
  return (
    <div class="stack" role="status">
      <p class="break">
        <Outcome outcome={outcome} />
        {reason === null ? '' : `: ${reason}`}
      </p>
      <Facts
        facts={[
          event === null ? undefined : ['Event', event],
          permissionMode === null ? undefined : ['Permission mode', permissionMode],
          sessionKey === null ? undefined : ['Session key', sessionKey],
          coalesceKey === null ? undefined : ['Coalescing key', coalesceKey],
        ]}
      />
      {prompt !== null && <LongText label="Prompt of the run" text={prompt} />}
    </div>
  );
}
