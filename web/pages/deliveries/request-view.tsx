// The request of an attempt, as it was sent.

import type { Delivery } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { formatBytes } from '../../parts/format.ts';
import { HeaderTable } from '../../parts/header-table.tsx';
import { LongText } from '../../parts/json.tsx';
import { Content } from '../../parts/state.tsx';
import type { Attempt } from './attempt.ts';
import { SignatureCheck } from './signature-check.tsx';

export interface RequestViewProps {
  readonly delivery: Delivery;
  /** Undefined if nothing was sent yet. */
  readonly attempt: Attempt | undefined;
}

export function RequestView({ delivery: { id, webhookId }, attempt }: RequestViewProps) {
  const request = useResource(`request ${id} ${attempt?.number ?? ''}`, (signal) =>
    client.deliveries.request(id, attempt === undefined ? {} : { attempt: attempt.number }, { signal }),
  );
  return (
    <section aria-label="Request" class="stack">
      <h3>Request</h3>
      <Content of={request}>
        {(sent) => (
          <>
            <p class="mono break">
              {sent.method} {sent.url ?? '(the webhook was removed)'}
            </p>
            {attempt !== undefined && <HeaderTable headers={sent.headers} label="Headers of the request" />}
            {sent.body === null ? (
              <p class="quiet">The body is no longer kept.</p>
            ) : (
              <>
                <p class="quiet">
                  Body, {formatBytes(new TextEncoder().encode(sent.body).length)},{' '}
                  {attempt === undefined ? 'as it will be sent' : 'as it was sent'}
                </p>
                <LongText text={sent.body} label="Body of the request" isJson />
              </>
            )}
            {attempt !== undefined && <SignatureCheck request={sent} webhookId={webhookId} />}
          </>
        )}
      </Content>
    </section>
  );
}
