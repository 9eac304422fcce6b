// The settings of a webhook, as they are.

import type { Webhook } from '../../../src/client/web.ts';
import { Facts } from '../../parts/facts.tsx';
import { formatDuration, plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';

export function WebhookSettings({ webhook }: { readonly webhook: Webhook }) {
  const { events, headers, retryCount, retryDelay, timeout, ordered, signed, publicKey } = webhook;
  const { legacySignature, description, tls } = webhook;
  const headerNames = Object.entries(headers);
  return (
    <section class="panel" aria-label="Settings">
      <header>
        <h2>Settings</h2>
      </header>
      <div class="body">
        <Facts
          facts={[
            [
              'Events',
              events.includes('*') ? 'all' : events.length === 0 ? 'none that is known' : events.join(', '),
            ],
            [
              'Signed',
              publicKey !== null ? (
                <>
                  ed25519, <Id id={publicKey} />
                </>
              ) : signed ? (
                `HMAC-SHA256${legacySignature ? ', also X-Webhook-Signature' : ''}`
              ) : (
                'no'
              ),
            ],
            [
              'Retries',
              retryCount === 0 ? 'none' : `${retryCount}, the first after ${formatDuration(retryDelay)}`,
            ],
            ['Time-out', formatDuration(timeout)],
            ['Order', ordered ? 'one at a time, in order' : 'any'],
            headerNames.length === 0
              ? undefined
              : [
                  plural(headerNames.length, 'header'),
                  headerNames.map(([name, value]) => (
                    <span key={name} class="mono line">
                      {name}: {value}
                    </span>
                  )),
                ],
            tls === undefined ? undefined : ['TLS', Object.values(tls).join(', ')],
            description === '' ? undefined : ['Description', description],
          ]}
        />
      </div>
    </section>
  );
}
