// The view is in the fragment of the URL: `#/webhooks/whk_1?status=failed`. It can be shared and reloaded.

import { signal } from '@preact/signals';

export interface Place {
  /** The parts of the path: `['webhooks', 'whk_1']`. Empty for the overview. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export type Query = Readonly<Record<string, string | undefined>>;

export const place = signal(readPlace(location.hash));

addEventListener('hashchange', () => {
  place.value = readPlace(location.hash);
});

function readPlace(fragment: string): Place {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split('?', 2);
  const parts = path.split('/').filter((part) => part !== '');
  return { path: parts.map(decode), query: Object.fromEntries(new URLSearchParams(query)) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view: `hrefOf(['webhooks', id])`. Empty values of the query are left out. */
export function hrefOf(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function go(path: readonly string[], query: Query = {}): void {
  location.hash = hrefOf(path, query);
}

/** Opens a view in place of the one that is open: it is not in the history. */
export function replacePlace(path: readonly string[], query: Query = {}): void {
  history.replaceState(null, '', hrefOf(path, query));
  place.value = readPlace(location.hash);
}

/** Changes the query of the view without a new entry in the history: filters, an open row. */
export function setQuery(changes: Query): void {
  const { path, query } = place.value;
  replacePlace(path, { ...query, ...changes });
}
