// What needs a person, and what happened last.

import { pendingPermissions } from '../../app/pending-permissions.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { formatCost, plural } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';

export default function Overview() {
  const status = useResource('status', (signal) => client.status({ signal }), {
    changedBy: ['run.', 'webhook.'],
  });
  const sessions = useResource(
    'sessions newest',
    (signal) => client.sessions.list({ limit: 10 }, { signal }),
    {
      changedBy: ['session.', 'run.', 'message.'],
    },
  );
  return (
    <>
      <header>
        <h1>Overview</h1>
      </header>
      <Content of={status}>
        {({ activeRuns, webhooks }) => (
          <dl class="numbers">
            <Figure name="Active runs" value={String(activeRuns)} />
            <Figure name="Waiting permissions" value={String(pendingPermissions.value.length)} />
            <Figure name="Pending deliveries" value={String(webhooks.pending)} />
            <Figure name="Failed deliveries" value={String(webhooks.failed)} />
          </dl>
        )}
      </Content>
      <section class="panel">
        <header>
          <h2>Latest sessions</h2>
        </header>
        <Content of={sessions}>
          {({ sessions: list }) =>
            list.length === 0 ? (
              <Empty command="codebuddy prompt 'list the files'">No sessions yet. Send a first prompt:</Empty>
            ) : (
              <ul class="list">
                {list.map((session) => (
                  <li key={session.id}>
                    <a class="cut grow" href={hrefOf(['sessions', session.id])}>
                      {session.title}
                    </a>
                    <span class="quiet">{plural(session.messageCount, 'message')}</span>
                    <span class="quiet">{formatCost(session.cost)}</span>
                    <span class="quiet">
                      <Time at={session.updatedAt} />
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Content>
      </section>
    </>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div class="panel">
      <dt class="quiet">{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
