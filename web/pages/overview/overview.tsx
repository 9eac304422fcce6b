// Four numbers, what needs a person, and the latest sessions. Without a session, the first steps.

import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { formatCost, plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { Attention } from './attention.tsx';
import { Figures } from './figures.tsx';
import { FirstRun } from './first-run.tsx';

export default function Overview() {
  const sessions = useResource(
    'latest-sessions',
    (signal) => client.sessions.list({ limit: 10 }, { signal }),
    { changedBy: ['session.', 'run.', 'message.'] },
  );
  return (
    <>
      <header>
        <h1>Overview</h1>
      </header>
      <div class="overview">
        <Figures />
        <Attention />
        <Content of={sessions}>
          {({ sessions: list }) =>
            list.length === 0 ? (
              <FirstRun />
            ) : (
              <section class="panel" aria-labelledby="latest">
                <header>
                  <h2 id="latest" class="grow">
                    Latest sessions
                  </h2>
                  <a href={hrefOf(['sessions'])}>All sessions</a>
                </header>
                <ul class="list">
                  {list.map(({ id, title, status, messageCount, cost, updatedAt }) => (
                    <li key={id}>
                      <a class="cut grow" href={hrefOf(['sessions', id])}>
                        {title}
                      </a>
                      {status === 'running' && <span class="chip good">running</span>}
                      <span class="quiet wide-only">{plural(messageCount, 'message')}</span>
                      <span class="quiet wide-only">{formatCost(cost)}</span>
                      <span class="quiet">
                        <Time at={updatedAt} />
                      </span>
                    </li>
                  ))}
                </ul>
              </section>
            )
          }
        </Content>
      </div>
    </>
  );
}
