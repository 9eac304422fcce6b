// Finds sessions, runs, events, webhooks and deliveries by id or text. The id of one opens its page at once.

import { useEffect } from 'preact/hooks';
import type { SearchHit } from '../../../src/client/web.ts';
import { useResource } from '../../app/resource.ts';
import { go, hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { formatCount, plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { isId, placeOfId } from './find-id.ts';
import { type Found, type Kind, searchIn } from './search-text.ts';

const kinds: readonly { readonly kind: Kind; readonly title: string; readonly one: string }[] = [
  { kind: 'sessions', title: 'Sessions', one: 'session' },
  { kind: 'webhooks', title: 'Webhooks', one: 'webhook' },
  { kind: 'deliveries', title: 'Deliveries', one: 'delivery' },
  { kind: 'events', title: 'Events', one: 'event' },
];
const shownMost = 20;

export default function SearchView({ query: { text = '' } }: ViewProps) {
  return (
    <>
      <header>
        <h1>Search</h1>
        {text !== '' && <span class="quiet cut">{text}</span>}
      </header>
      {text === '' ? (
        <Hint />
      ) : isId(text) ? (
        <ById key={text} id={text} />
      ) : (
        <ByText key={text} text={text} />
      )}
    </>
  );
}

function Hint() {
  return (
    <div class="empty">
      <p>Enter an id or text in the field above. The search covers</p>
      <p>
        messages and titles of sessions; names, URLs and descriptions of webhooks; types and data of events;
        event types and states of deliveries.
      </p>
    </div>
  );
}

function ById({ id }: { readonly id: string }) {
  const found = useResource(`place of ${id}`, (signal) => placeOfId(id, signal));
  const place = found.value?.place;
  useEffect(() => {
    // Back leads to where the search began.
    if (place !== undefined) location.replace(place);
  }, [place]);
  return (
    <Content of={found}>
      {() =>
        place === undefined ? (
          <div class="stack">
            <p>Nothing has the id {id}. It may have been deleted, or be older than the retention period.</p>
            <ByText text={id} />
          </div>
        ) : (
          <p class="quiet">
            Opening <a href={place}>{id}</a>
          </p>
        )
      }
    </Content>
  );
}

function ByText({ text }: { readonly text: string }) {
  return (
    <div class="overview">
      <Messages text={text} />
      {kinds.map(({ kind, title, one }) => (
        <Group key={kind} kind={kind} title={title} one={one} text={text} />
      ))}
    </div>
  );
}

/** Of all sessions: the server has an index of them. */
function Messages({ text }: { readonly text: string }) {
  const result = useResource(`messages with ${text}`, (signal) =>
    client.sessions.search({ q: text.slice(0, 1000), limit: shownMost }, { signal }),
  );
  return (
    <section class="panel" aria-label="Messages">
      <header>
        <h2>Messages</h2>
        <span class="quiet">
          {result.value?.nextCursor && `the newest ${shownMost}`}
          {result.value?.indexing && ' Older messages are still being indexed.'}
        </span>
      </header>
      <Content of={result}>
        {({ hits }) =>
          hits.length === 0 ? (
            <p class="body quiet">No message has these words.</p>
          ) : (
            <ul class="list">
              {hits.map(({ session, message, snippet }) => (
                <li key={message.id}>
                  <a class="grow" href={hrefOf(['sessions', session.id])}>
                    <span class="quiet">{session.title}</span>
                    <br />
                    <Marked {...snippet} />
                  </a>
                  <span class="quiet">
                    <Time at={message.createdAt} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Content>
    </section>
  );
}

function Marked({ text, marks }: SearchHit['snippet']) {
  let at = 0;
  const parts = marks.map(({ start, end }) => {
    const before = text.slice(at, start);
    at = end;
    return (
      <>
        {before}
        <mark>{text.slice(start, end)}</mark>
      </>
    );
  });
  return (
    <span>
      {parts}
      {text.slice(at)}
    </span>
  );
}

interface GroupProps {
  readonly kind: Kind;
  readonly title: string;
  readonly one: string;
  readonly text: string;
}

function Group({ kind, title, one, text }: GroupProps) {
  const result = useResource(`search ${kind} ${text}`, (signal) => searchIn(kind, text, signal));
  const many = title.toLowerCase();
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {result.value === undefined ? (
          result.error === undefined && <span class="quiet">Searching…</span>
        ) : (
          <span class="quiet">
            {formatCount(result.value.found.length)} of{' '}
            {result.value.isAll
              ? plural(result.value.searched, one, many)
              : `the newest ${formatCount(result.value.searched)}${kind === 'sessions' ? ', and of all titles' : ''}`}
          </span>
        )}
      </header>
      <Content of={result}>
        {({ found }) =>
          found.length === 0 ? (
            <p class="body quiet">No {one} matches.</p>
          ) : (
            <>
              <ul class="list">
                {found.slice(0, shownMost).map((item) => (
                  <Row key={item.id} item={item} />
                ))}
              </ul>
              {found.length > shownMost && (
                <p class="body quiet">
                  {formatCount(found.length - shownMost)} more match.{' '}
                  <button type="button" class="bare" onClick={() => go([kind])}>
                    All {many}
                  </button>
                </p>
              )}
            </>
          )
        }
      </Content>
    </section>
  );
}

function Row({ item: { path, query, title, note, at } }: { readonly item: Found }) {
  return (
    <li>
      <a class="cut grow" href={hrefOf(path, query)}>
        {title}
      </a>
      {note !== '' && <span class="quiet cut wide-only search-note">{note}</span>}
      {at !== undefined && (
        <span class="quiet">
          <Time at={at} />
        </span>
      )}
    </li>
  );
}
