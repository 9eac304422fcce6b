// The page of an id.

import { CodeBuddyApiError } from '../../../src/client/web.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';

type Finder = (id: string, signal: AbortSignal) => Promise<string>;

const finders: Readonly<Record<string, Finder>> = {
  ses: async (id, signal) => {
    await client.sessions.get(id, { signal });
    return hrefOf(['sessions', id]);
  },
  run: async (id, signal) => {
    const { sessionId } = await client.runs.get(id, { signal });
    return hrefOf(['sessions', sessionId], { run: id });
  },
  evt: async (id, signal) => {
    await client.events.get(id, { signal });
    return hrefOf(['events', id]);
  },
  whk: async (id, signal) => {
    await client.webhooks.get(id, { signal });
    return hrefOf(['webhooks', id]);
  },
  dlv: async (id, signal) => {
    await client.deliveries.get(id, { signal });
    return hrefOf(['deliveries', id]);
  },
};

/** A whole id of something that has a page. */
export function isId(text: string): boolean {
  const [, kind = ''] = /^([a-z]{3})_[0-9A-Za-z]{10,}$/.exec(text) ?? [];
  return Object.hasOwn(finders, kind);
}

/** `place` is undefined if nothing has the id. */
export async function placeOfId(
  id: string,
  signal: AbortSignal,
): Promise<{ readonly place: string | undefined }> {
  try {
    return { place: await finders[id.slice(0, 3)]?.(id, signal) };
  } catch (error) {
    if (error instanceof CodeBuddyApiError && error.status === 404) return { place: undefined };
    throw error;
  }
}
