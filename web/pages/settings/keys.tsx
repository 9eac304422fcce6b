// The API keys: create one, which is shown once, change its limits, and revoke it.

import { useState } from 'preact/hooks';
import type { ApiKey } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { may } from '../../app/scope.ts';
import { client, signIn } from '../../app/sign-in.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Content, Empty } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { EditLimits } from './edit-limits.tsx';
import { NewKey } from './new-key.tsx';

const columns = ['Name', 'Scopes', 'Per minute', 'Created', 'Id', <span class="unseen">Actions</span>];

export function Keys() {
  const keys = useResource('keys', (signal) => allOf(client.keys.list({ signal })));
  const [isNew, setNew] = useState(false);
  const [editing, setEditing] = useState<ApiKey>();
  const [revoking, setRevoking] = useState<ApiKey>();
  const right = may('admin');
  const state = signIn.value;
  const ownId = state.status === 'in' ? state.caller.keyId : null;
  return (
    <div class="stack">
      <div class="row wrap">
        <p class="grow quiet">
          Keys for scripts and other people. The local key and <code>CODEBUDDY_API_KEY</code> are not in this
          list; they have every scope.
        </p>
        {keys.value !== undefined && <span class="quiet">{plural(keys.value.length, 'key')}</span>}
        <button type="button" class="main" {...right} onClick={() => setNew(true)}>
          New key
        </button>
      </div>
      <Content of={keys}>
        {(all) => (
          <div class="panel">
            {all.length === 0 ? (
              <Empty command="codebuddy keys create ci --scope read,prompt">
                No keys yet. Create one here, or in a terminal:
              </Empty>
            ) : (
              <CardTable columns={columns}>
                {all.map((key) => (
                  <tr key={key.id}>
                    <td class="value">
                      {key.name}
                      {key.id === ownId && <span class="quiet"> (you are signed in with it)</span>}
                    </td>
                    <td data-label="Scopes">{key.scopes.join(', ')}</td>
                    <td data-label="Per minute">{wordsOf(key)}</td>
                    <td data-label="Created" class="quiet">
                      <Time at={key.createdAt} />
                    </td>
                    <td data-label="Id">
                      <Id id={key.id} />
                    </td>
                    <td class="number">
                      <button
                        type="button"
                        {...right}
                        aria-label={`Limits of ${key.name}`}
                        onClick={() => setEditing(key)}
                      >
                        Limits
                      </button>{' '}
                      <button
                        type="button"
                        class="danger"
                        {...right}
                        aria-label={`Revoke ${key.name}`}
                        onClick={() => setRevoking(key)}
                      >
                        Revoke
                      </button>
                    </td>
                  </tr>
                ))}
              </CardTable>
            )}
          </div>
        )}
      </Content>
      {isNew && <NewKey onClose={() => setNew(false)} onCreated={keys.reload} />}
      {editing !== undefined && (
        <EditLimits apiKey={editing} onClose={() => setEditing(undefined)} onSaved={keys.reload} />
      )}
      {revoking !== undefined && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          action="Revoke"
          done="The key is revoked."
          work={() => client.keys.revoke(revoking.id)}
          onClose={() => setRevoking(undefined)}
          onDone={keys.reload}
        >
          <p>
            The key stops working immediately: requests with it get 401. This cannot be undone.
            {revoking.id === ownId && ' You are signed in with it, so this page signs out.'}
          </p>
        </Confirm>
      )}
    </div>
  );
}

function wordsOf({ limits: { requestsPerMinute, promptsPerMinute } }: ApiKey): string {
  const parts: string[] = [];
  if (requestsPerMinute !== undefined) parts.push(plural(requestsPerMinute, 'request'));
  if (promptsPerMinute !== undefined) parts.push(plural(promptsPerMinute, 'prompt'));
  return parts.join(', ') || 'no limit';
}
