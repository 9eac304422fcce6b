// Rotates the secret of a webhook, and shows the new one once.

import { useState } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import type { RotatedSecret } from '../../../src/contract/webhook.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { formatExactTime } from '../../parts/format.ts';
import { Secret } from '../../parts/secret.tsx';
import { Time } from '../../parts/time.tsx';
import { attempt } from '../../parts/toast.tsx';

export interface RotateProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
}

export function RotateDialog({ webhook: { id, name, signed }, onClose }: RotateProps) {
  const [rotated, setRotated] = useState<RotatedSecret>();
  const [isWorking, setWorking] = useState(false);
  const rotate = async (): Promise<void> => {
    setWorking(true);
    await attempt(async () => setRotated(await client.webhooks.rotateSecret(id)));
    setWorking(false);
  };
  return (
    <Dialog
      title={`Rotate the secret of ${name}`}
      onClose={onClose}
      footer={
        rotated === undefined ? (
          <>
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="button" class="main" disabled={isWorking} onClick={rotate}>
              Rotate
            </button>
          </>
        ) : (
          <button type="button" class="main" onClick={onClose}>
            Done
          </button>
        )
      }
    >
      {rotated === undefined ? (
        <p>
          {signed
            ? 'A new secret is generated. For 24 h, requests are signed with both, so that the receiver can switch at any time.'
            : 'Its requests are not signed. A secret is generated, and requests are signed with it from now on.'}
        </p>
      ) : (
        <div class="stack">
          <p>Copy the new secret now: it is shown only once.</p>
          {rotated.secret !== null && <Secret name="New secret" value={rotated.secret} />}
          {rotated.signingSecret !== null && rotated.signingSecret !== rotated.secret && (
            <Secret name="New secret for Standard Webhooks libraries" value={rotated.signingSecret} />
          )}
          {rotated.previousValidUntil !== null && (
            <p>
              The old secret also signs until {formatExactTime(rotated.previousValidUntil)} (
              <Time at={rotated.previousValidUntil} />
              ). Give the receiver the new one by then.
            </p>
          )}
        </div>
      )}
    </Dialog>
  );
}
