// The session of a request. A client names it by a header, or sends the whole conversation with each request. In the
// second case, the session of the earlier request is continued if its last answer is the one that the client sends;
// otherwise (the conversation was edited, or began elsewhere) it becomes a new session that begins with its messages.
// So a conversation is one session, not one for each of its requests.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../base/errors.ts';
import { isId } from '../base/ids.ts';
import { inNamedSession } from '../base/named-session.ts';
import type { Turns } from '../base/turns.ts';
import type { HistoryMessage } from '../contract/session.ts';
import type { Conversation } from './conversation.ts';
import type { Caller, DoorServices, RunStart } from './services.ts';

/** The part of a start that says in which session the run works. */
export type SessionPlace = Pick<RunStart, 'sessionId' | 'names' | 'claimedName' | 'history'>;

/** Temporary chats of Open WebUI share an id. */
const temporaryChat = 'local:';
const maxNameLength = 256;

/**
 * Calls `start` with the session of the request. Two requests for the same session come one after the other, so that
 * the second one finds what the first one created.
 * @throws CodeBuddyError `validation_failed`
 */
export async function inSession<T>(
  { sessions, turns }: { readonly sessions: DoorServices['sessions']; readonly turns: Turns },
  caller: Caller,
  { history, prompt }: Conversation,
  start: (place: SessionPlace) => Promise<T>,
): Promise<T> {
  const given = nameGivenBy(caller);
  if (given !== undefined && isId('ses', given.value)) return start({ sessionId: given.value });
  if (given !== undefined) {
    const name = `${given.header} ${caller.keyId ?? ''} ${given.value}`;
    return turns.take(name, () =>
      inNamedSession(
        async () => (await sessions.named(name))?.id,
        (sessionId) => start(sessionId === undefined ? { claimedName: name, history } : { sessionId }),
      ),
    );
  }
  const names = [nameOf(caller, [...history, { role: 'user', content: prompt }])];
  const lastPrompt = history.findLastIndex(({ role }) => role === 'user');
  if (lastPrompt === -1) return start({ names, history });
  const name = nameOf(caller, history.slice(0, lastPrompt + 1));
  const answer = history.slice(lastPrompt + 1).find(({ role }) => role === 'assistant')?.content ?? '';
  return turns.take(name, async () => {
    const found = await sessions.named(name);
    const continues = found !== undefined && (await endsWith(sessions, found.id, answer));
    return start(continues ? { sessionId: found.id, names } : { names, history });
  });
}

/** @throws CodeBuddyError `validation_failed`, naming the header */
function nameGivenBy({
  session,
  chat,
}: Caller): { readonly header: string; readonly value: string } | undefined {
  const [header, value] =
    session === undefined
      ? (['X-OpenWebUI-Chat-Id', chat] as const)
      : (['X-CodeBuddy-Session', session] as const);
  if (value === undefined || (session === undefined && value.startsWith(temporaryChat))) return undefined;
  if (value.trim() !== '' && value.length <= maxNameLength) return { header, value };
  const message = `must be the id of a session, or a name of 1 to ${maxNameLength} characters`;
  throw new CodeBuddyError('validation_failed', `${header} ${message}.`, {
    errors: [{ in: 'header', pointer: `/${header.toLowerCase()}`, message }],
  });
}

/** The name of a session in which this is the last prompt. Conversations of other keys have other names. */
function nameOf({ keyId }: Caller, messages: readonly HistoryMessage[]): string {
  const said = messages
    .filter(({ role }) => role !== 'tool')
    .map(({ role, content }) => [role, content.trim()]);
  return `history ${createHash('sha256')
    .update(JSON.stringify([keyId, said]))
    .digest('base64url')}`;
}

/**
 * True if the session ends with this answer. Clients show everything that the agent said during the run; the session's
 * last message is the end of it. The client may have less of an answer that was cut off, or more.
 */
async function endsWith(sessions: DoorServices['sessions'], id: string, answer: string): Promise<boolean> {
  const { items } = await sessions.messages(id, { limit: 1, order: 'desc' });
  const [last] = items;
  if (last?.role !== 'assistant') return false;
  const kept = last.content.trim();
  const sent = answer.trim();
  if (kept === '' || sent === '') return false;
  return sent.endsWith(kept) || (last.incomplete === true && (kept.startsWith(sent) || sent.includes(kept)));
}
