// Deletes the history of deliveries that have ended.

import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { webhookNameOf } from './delivery-rows.tsx';

export interface ClearProps {
  readonly webhookId: string | undefined;
  readonly names: ReadonlyMap<string, string>;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function ClearDialog({ webhookId, names, onClose, onDone }: ClearProps) {
  return (
    <Confirm
      title="Clear the history"
      action="Clear history"
      done="Cleared."
      work={() => client.deliveries.clear(webhookId === undefined ? {} : { webhookId })}
      onClose={onClose}
      onDone={onDone}
    >
      <p>
        All ended deliveries of {webhookId === undefined ? 'all webhooks' : webhookNameOf(webhookId, names)}{' '}
        are deleted, with their attempts. Pending ones are kept. This cannot be undone.
      </p>
    </Confirm>
  );
}
