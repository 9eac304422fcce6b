// What an event has caused: its deliveries, its run and its message.

import type { LoggedEvent } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';

export function Caused({ event: { id, runId, sessionId } }: { readonly event: LoggedEvent }) {
  const { value } = useResource(
    `deliveries-of ${id}`,
    (signal) => client.deliveries.list({ eventId: id }, { signal }),
    { changedBy: ['webhook.'] },
  );
  return (
    <ul class="row wrap">
      {runId !== undefined && sessionId !== undefined && (
        <li>
          <a href={hrefOf(['sessions', sessionId], { run: runId })}>Its run</a>
        </li>
      )}
      {value?.deliveries.map((delivery) => (
        <li key={delivery.id}>
          <a href={hrefOf(['deliveries', delivery.id])}>
            Delivery to {delivery.webhookId}: {delivery.status}
          </a>
        </li>
      ))}
      {value?.deliveries.length === 0 && <li class="quiet">No webhook received it.</li>}
    </ul>
  );
}
