// The nodes that share the database: which are alive, how far behind, and what each works on.

import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { formatCount, plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';

export function Nodes() {
  const nodes = useResource('nodes', (signal) => allOf(client.nodes.list({ signal })), {
    changedBy: ['run.queued', 'run.complete', 'run.failed', 'run.cancelled', 'webhook.'],
  });
  return (
    <Content of={nodes}>
      {(all) => {
        // The lock on the file is the lease.
        const [only] = all;
        const isAlone = all.length === 1 && only?.leaseUntil === null;
        const dead = all.filter(({ alive }) => !alive).length;
        return (
          <div class="stack">
            <div class="row wrap">
              <p class="grow quiet">
                {isAlone
                  ? 'The only node: the database is a SQLite file. Several nodes can share a PostgreSQL database.'
                  : `${plural(all.length - dead, 'node')} alive${dead === 0 ? '' : `, ${formatCount(dead)} gone`}; seen in the last hour.`}
              </p>
              <button type="button" onClick={nodes.reload}>
                Load again
              </button>
            </div>
            <div class="panel">
              <CardTable columns={['Node', 'State', 'Behind by', 'Owns', 'Version', 'Started']}>
                {all.map(({ id, url, alive, self, lag, owns, version, startedAt }) => (
                  <tr key={id}>
                    <td class="value">
                      <Id id={id} /> {url ?? <span class="quiet">address not known yet</span>}
                      {self && <span class="quiet"> (this one)</span>}
                    </td>
                    <td>
                      <span class={alive ? 'chip good' : 'chip bad'}>{alive ? 'alive' : 'gone'}</span>
                    </td>
                    <td data-label="Behind by">{lag === null ? 'unknown' : plural(lag, 'event')}</td>
                    <td data-label="Owns">
                      {plural(owns.lanes, 'webhook')}, {plural(owns.runs, 'run')}
                    </td>
                    <td data-label="Version" class="quiet">
                      {version}
                    </td>
                    <td data-label="Started" class="quiet">
                      <Time at={startedAt} />
                    </td>
                  </tr>
                ))}
              </CardTable>
            </div>
          </div>
        );
      }}
    </Content>
  );
}
