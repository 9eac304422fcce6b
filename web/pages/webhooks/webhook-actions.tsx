// The actions of a webhook.

import { useState } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import { lackOf, may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { formatCount, plural } from '../../parts/format.ts';
import { attempt } from '../../parts/toast.tsx';
import { EnableDialog } from './enable-dialog.tsx';
import { ReplayDialog } from './replay-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';

export interface ActionsProps {
  readonly webhook: Webhook;
  readonly reload: () => void;
  readonly onEdit: () => void;
  /** Called with the id of the delivery of a test. */
  readonly onTested: (deliveryId: string) => void;
  readonly onRemoved: () => void;
}

type Open = 'rotate' | 'replay' | 'enable' | 'disable' | 'remove';

export function WebhookActions({ webhook, reload, onEdit, onTested, onRemoved }: ActionsProps) {
  const [open, setOpen] = useState<Open>();
  const { id, name, enabled, state } = webhook;
  const lack = lackOf('admin');
  const isRefused = state.status === 'refused';
  const shared = { type: 'button', ...may('admin') } as const;
  const needsWork = (why: string) => ({
    ...shared,
    disabled: lack !== undefined || !enabled || isRefused,
    title: lack ?? (isRefused ? `It is refused: ${why}` : enabled ? undefined : `It is off: ${why}`),
  });
  const close = (): void => setOpen(undefined);
  const test = (): Promise<boolean> => attempt(async () => onTested((await client.webhooks.test(id)).id));
  return (
    <div class="row wrap">
      <button {...needsWork('nothing can be sent.')} onClick={test}>
        Test
      </button>
      <button {...shared} onClick={onEdit}>
        Edit
      </button>
      {enabled ? (
        <button {...shared} onClick={() => setOpen('disable')}>
          Disable
        </button>
      ) : (
        <button {...shared} class="main" onClick={() => setOpen('enable')}>
          Enable
        </button>
      )}
      <button {...needsWork('enable it first.')} onClick={() => setOpen('replay')}>
        Replay events
      </button>
      <button {...shared} onClick={() => setOpen('rotate')}>
        Rotate secret
      </button>
      <button {...shared} class="danger" onClick={() => setOpen('remove')}>
        Remove
      </button>
      {open === 'rotate' && <RotateDialog webhook={webhook} onClose={close} />}
      {open === 'replay' && <ReplayDialog webhook={webhook} onClose={close} />}
      {open === 'enable' && <EnableDialog webhook={webhook} onClose={close} onDone={reload} />}
      {open === 'disable' && (
        <Confirm
          title={`Disable ${name}?`}
          action="Disable"
          done="Disabled."
          isHarmless
          work={() => client.webhooks.update(id, { enabled: false })}
          onClose={close}
          onDone={reload}
        >
          <p>
            Nothing is sent to it while it is disabled.{' '}
            {state.pending > 0 && `${plural(state.pending, 'delivery waits', 'deliveries wait')}. `}
            Events that it misses are counted, and can be delivered when it is enabled again.
          </p>
        </Confirm>
      )}
      {open === 'remove' && (
        <Confirm
          title={`Remove ${name}?`}
          action="Remove"
          done="Removed."
          work={() => client.webhooks.remove(id)}
          onClose={close}
          onDone={onRemoved}
        >
          <p>
            {state.pending > 0
              ? `Its ${formatCount(state.pending)} pending deliveries are cancelled. `
              : 'It has no pending deliveries. '}
            This cannot be undone. To stop it for a while, disable it.
          </p>
        </Confirm>
      )}
    </div>
  );
}
