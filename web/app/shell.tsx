// The rail, the bar on top, and the view.

import type { ComponentType } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Caller } from '../../src/contract/sign-in.ts';
import { Icon } from '../parts/icon.tsx';
import { Toasts } from '../parts/toast.tsx';
import { ConnectionState } from './connection-state.tsx';
import { Help } from './help.tsx';
import { inbox } from './inbox.ts';
import { RailFoot } from './rail-foot.tsx';
import { useResource } from './resource.ts';
import { go, hrefOf, place } from './router.ts';
import { useShortcuts } from './shortcuts.ts';
import { client } from './sign-in.ts';
import { useTitle } from './title.ts';
import type { ViewProps } from './view-props.ts';
import { type View, views } from './views.ts';

export function Shell({ caller }: { readonly caller: Caller }) {
  const [isHelpOpen, setHelpOpen] = useState(false);
  useShortcuts({ showHelp: useCallback(() => setHelpOpen(true), []) });
  const { path, query } = place.value;
  const view = views.find(({ name }) => name === (path[0] ?? ''));
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <Rail caller={caller} current={view} />
      <TopBar />
      <main class="content" id="content" tabIndex={-1}>
        {view === undefined ? (
          <NoView />
        ) : (
          <Loaded key={view.name} view={view} path={path.slice(1)} query={query} />
        )}
      </main>
      <Toasts />
      {isHelpOpen && <Help onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

function Rail({ caller, current }: { readonly caller: Caller; readonly current: View | undefined }) {
  const waiting = inbox.value.length;
  // Without the scope, the views are empty.
  const mayRead = caller.scopes.includes('read');
  return (
    <nav class="rail" aria-label="Views">
      <div class="brand">
        <Icon name="brand" />
        <span class="label">Code Buddy</span>
      </div>
      {views
        .filter(({ key }) => key !== undefined && mayRead)
        .map((view) => (
          <a
            key={view.name}
            href={hrefOf(view.name === '' ? [] : [view.name])}
            aria-current={view === current ? 'page' : undefined}
            title={`${view.title} (g ${view.key})`}
          >
            <Icon name={view.icon} />
            <span class="label">{view.title}</span>
            {view.name === 'permissions' && waiting > 0 && (
              <span class="count">
                {waiting}
                <span class="unseen"> waiting</span>
              </span>
            )}
          </a>
        ))}
      <RailFoot />
    </nav>
  );
}

function TopBar() {
  const { path, query } = place.value;
  const { value: status } = useResource('status', (signal) => client.status({ signal }));
  return (
    <header class="top">
      {typeof status?.workspace === 'string' && (
        <span class="cut agent mono" title={status.workspace}>
          {status.workspace.split(/[\\/]/).at(-1)}
        </span>
      )}
      {status !== undefined && (
        <span class="cut agent quiet">
          {status.agent}
          {status.model === null || status.model === status.agent ? '' : `, ${status.model}`}
        </span>
      )}
      <ConnectionState />
      <search class="search">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const text = new FormData(event.currentTarget).get('text');
            go(['search'], { text: String(text ?? '').trim() });
          }}
        >
          <input
            type="search"
            name="text"
            aria-label="Search sessions, events, webhooks and deliveries"
            placeholder="Search (press /)"
            key={query.text}
            defaultValue={path[0] === 'search' ? query.text : ''}
            autocomplete="off"
            spellcheck={false}
            style={{ width: '100%' }}
          />
        </form>
      </search>
    </header>
  );
}

/** Loads the code of a view, and shows it. */
function Loaded({ view, path, query }: { readonly view: View } & ViewProps) {
  const [Content, setContent] = useState<ComponentType<ViewProps>>();
  useTitle(path.length === 0 ? view.title : undefined);
  useEffect(() => {
    view.load().then(
      (module) => setContent(() => module.default),
      // The server has a newer dashboard, so the old files are gone.
      () => location.reload(),
    );
  }, [view]);
  return Content === undefined ? null : <Content path={path} query={query} />;
}

function NoView() {
  return (
    <div class="empty">
      <h1>There is no such page</h1>
      <a href={hrefOf([])}>Go to the overview</a>
    </div>
  );
}
