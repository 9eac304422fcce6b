// One event: its JSON, and what it has caused.

import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { Id } from '../../parts/id.tsx';
import { Json } from '../../parts/json.tsx';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { Caused } from './caused.tsx';

export function EventView({ id }: { readonly id: string }) {
  const event = useResource(`event ${id}`, (signal) => client.events.get(id, { signal }));
  return (
    <>
      <header>
        <h1>Event</h1>
        <Id id={id} />
        <a href={hrefOf(['events'])}>All events</a>
      </header>
      <Content of={event}>
        {(value) => (
          <div class="stack">
            <p>
              <code>{value.type}</code>, number {value.sequence}, <Time at={value.timestamp} />
            </p>
            <Caused event={value} />
            <Json value={value} label={`Event ${id}`} />
          </div>
        )}
      </Content>
    </>
  );
}
