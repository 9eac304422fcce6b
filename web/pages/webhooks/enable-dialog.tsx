// Enables a webhook, with or without the events that it missed.

import { useState } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { plural } from '../../parts/format.ts';

export interface EnableProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function EnableDialog({ webhook: { id, name, state }, onClose, onDone }: EnableProps) {
  const [replayMissed, setReplayMissed] = useState(state.missed > 0);
  return (
    <Confirm
      title={`Enable ${name}`}
      action="Enable"
      done="Enabled."
      isHarmless
      work={() => client.webhooks.enable(id, { replayMissed })}
      onClose={onClose}
      onDone={onDone}
    >
      {state.missed === 0 ? (
        <p>It missed no events.</p>
      ) : (
        <label class="check">
          <input
            type="checkbox"
            checked={replayMissed}
            onChange={({ currentTarget }) => setReplayMissed(currentTarget.checked)}
          />
          Deliver the {plural(state.missed, 'event')} that it missed, in order
        </label>
      )}
    </Confirm>
  );
}
