// The actions of a trigger.

import { useState } from 'preact/hooks';
import type { Trigger } from '../../../src/client/web.ts';
import type { RotatedTriggerSecret } from '../../../src/contract/trigger.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { DoneDialog } from '../../parts/done-dialog.tsx';
import { Secret } from '../../parts/secret.tsx';
import { Time } from '../../parts/time.tsx';
import { attempt } from '../../parts/toast.tsx';

export interface TriggerActionsProps {
  readonly trigger: Trigger;
  readonly reload: () => void;
  readonly onEdit: () => void;
  readonly onRemoved: () => void;
}

type Open = 'rotate' | 'disable' | 'remove';

export function TriggerActions({ trigger, reload, onEdit, onRemoved }: TriggerActionsProps) {
  const [open, setOpen] = useState<Open>();
  const [rotated, setRotated] = useState<RotatedTriggerSecret>();
  const { id, name, enabled, source } = trigger;
  const shared = { type: 'button', ...may('admin') } as const;
  const close = (): void => setOpen(undefined);
  const enable = async (): Promise<void> => {
    if (await attempt(() => client.triggers.update(id, { enabled: true }), 'Enabled.')) reload();
  };
  return (
    <div class="row wrap">
      <button {...shared} onClick={onEdit}>
        Edit
      </button>
      {enabled ? (
        <button {...shared} onClick={() => setOpen('disable')}>
          Disable
        </button>
      ) : (
        <button {...shared} class="main" onClick={enable}>
          Enable
        </button>
      )}
      {source !== 'schedule' && source !== 'slack' && (
        <button {...shared} onClick={() => setOpen('rotate')}>
          Rotate secret
        </button>
      )}
      <button {...shared} class="danger" onClick={() => setOpen('remove')}>
        Remove
      </button>
      {open === 'disable' && (
        <Confirm
          title={`Disable ${name}?`}
          action="Disable"
          done="Disabled."
          isHarmless
          work={() => client.triggers.update(id, { enabled: false })}
          onClose={close}
          onDone={reload}
        >
          <p>Its calls are refused, and are not repeated later by this server.</p>
        </Confirm>
      )}
      {open === 'remove' && (
        <Confirm
          title={`Remove ${name}?`}
          action="Remove"
          done="Removed."
          work={() => client.triggers.remove(id)}
          onClose={close}
          onDone={onRemoved}
        >
          <p>Runs that it has started continue. Remove it at the sender, too. This cannot be undone.</p>
        </Confirm>
      )}
      {open === 'rotate' && (
        <Confirm
          title={`Rotate the secret of ${name}?`}
          action="Rotate"
          done="Rotated."
          isHarmless
          work={async () => setRotated(await client.triggers.rotateSecret(id))}
          onClose={close}
          onDone={reload}
        >
          <p>A new secret is generated. For 24 h, both are accepted.</p>
        </Confirm>
      )}
      {rotated !== undefined && (
        <DoneDialog title="The new secret" onClose={() => setRotated(undefined)}>
          <p>Copy the secret now: it is shown only once.</p>
          <Secret name="New secret" value={rotated.secret} />
          {rotated.previousValidUntil !== null && (
            <p>
              The old secret is accepted until <Time at={rotated.previousValidUntil} />.
            </p>
          )}
        </DoneDialog>
      )}
    </div>
  );
}
