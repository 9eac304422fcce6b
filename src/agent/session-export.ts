// A whole session as one document, streamed in pieces: JSON for programs, Markdown for people. Messages added meanwhile
// are left out.

import { CodeBuddyError } from '../base/errors.ts';
import type { Message } from '../contract/message.ts';
import type { Session } from '../contract/session.ts';
import type { Store } from '../store/store.ts';
import { toMessage } from './message-record.ts';
import { messageAsMarkdown, sessionAsMarkdown } from './session-markdown.ts';
import { readPages } from './session-pages.ts';

export interface ExportedSession {
  /** ASCII, safe as a file name. */
  readonly filename: string;
  readonly mediaType: string;
  /** The document, to be read once. @throws CodeBuddyError `session_not_found` if the session is deleted meanwhile */
  readonly chunks: AsyncIterable<string>;
}

export function exportAsJson(
  store: Pick<Store, 'listMessages'>,
  session: Session,
  facts: { readonly exportedAt: string; readonly version: string },
): ExportedSession {
  async function* chunks(): AsyncGenerator<string, void, undefined> {
    yield `{"session":${JSON.stringify(session)},"messages":[`;
    let comma = '';
    for await (const messages of allMessages(store, session)) {
      yield comma + messages.map((message) => JSON.stringify(message)).join(',');
      comma = ',';
    }
    yield `],${JSON.stringify(facts).slice(1)}`;
  }
  return {
    filename: `${nameOf(session)}.json`,
    mediaType: 'application/json; charset=utf-8',
    chunks: chunks(),
  };
}

export function exportAsMarkdown(store: Pick<Store, 'listMessages'>, session: Session): ExportedSession {
  async function* chunks(): AsyncGenerator<string, void, undefined> {
    yield sessionAsMarkdown(session);
    for await (const messages of allMessages(store, session)) yield messages.map(messageAsMarkdown).join('');
  }
  return { filename: `${nameOf(session)}.md`, mediaType: 'text/markdown; charset=utf-8', chunks: chunks() };
}

/** The number of messages when the export began. */
async function* allMessages(
  store: Pick<Store, 'listMessages'>,
  { id, messageCount }: Session,
): AsyncGenerator<readonly Message[], void, undefined> {
  let missing = messageCount;
  if (missing === 0) return;
  for await (const rows of readPages(store, id)) {
    yield rows.slice(0, missing).map((row) => toMessage(row));
    missing -= rows.length;
    if (missing <= 0) return;
  }
  throw new CodeBuddyError('session_not_found', `Session ${id} was deleted while it was exported.`);
}

function nameOf({ id, title }: Session): string {
  const words = title
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .join('-')
    .slice(0, 60)
    .replace(/-$/, '');
  return words === '' ? id : `${words}-${id.slice(-6).toLowerCase()}`;
}
