// `client.sessions`.

import type {
  Answer,
  Body,
  ExportedSession,
  Message,
  Query,
  SearchHit,
  Session,
  SessionChange,
  UndoResult,
} from '../api-objects.ts';
import type { CallOptions, CreateOptions, FollowOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { pathOf } from '../query.ts';
import type { StreamEvent } from '../stream-event.ts';
import { Resource } from './resource.ts';

/** Sessions: conversations with their messages and runs. */
export class Sessions extends Resource {
  /** Lists sessions, newest first. */
  list(query?: Query<'listSessions'>, options?: CallOptions): PageList<Answer<'listSessions', 200>, Session> {
    return this.calls.list('/api/sessions', options, query, ({ sessions }) => sessions);
  }

  /**
   * Creates a session.
   *
   * @example
   * const session = await client.sessions.create({ title: 'Release 2.0' });
   * @example
   * const ticket = await client.sessions.create({ id: 'ticket-4711' });
   * @throws CodeBuddyApiError `session_exists`
   */
  create(body: Body<'createSession'> = {}, options?: CreateOptions): Promise<Session> {
    return this.calls.create('/api/sessions', body, options);
  }

  /** Gets a session. @throws CodeBuddyApiError `session_not_found` */
  get(id: string, options?: CallOptions): Promise<Session> {
    return this.calls.get(pathOf('sessions', id), options);
  }

  /** Updates the title or metadata of a session, or archives it. @throws CodeBuddyApiError `session_not_found` */
  update(id: string, body: Body<'updateSession'>, options?: CallOptions): Promise<Session> {
    return this.calls.send('PATCH', pathOf('sessions', id), body, options);
  }

  /**
   * Creates a new session with the messages of this one, up to and including `messageId`.
   *
   * @throws CodeBuddyApiError `session_not_found`, `validation_failed`
   * @example
   * const fork = await client.sessions.fork(session.id, { messageId: 'msg_…' });
   */
  fork(id: string, body: Body<'forkSession'> = {}, options?: CreateOptions): Promise<Session> {
    return this.calls.create(pathOf('sessions', id, '/fork'), body, options);
  }

  /** Lists the MCP servers that only this session has. @throws CodeBuddyApiError `session_not_found` */
  mcpServers(id: string, options?: CallOptions): Promise<Answer<'listSessionMcpServers', 200>> {
    return this.calls.get(pathOf('sessions', id, '/mcp-servers'), options);
  }

  /**
   * Sets the MCP servers that only this session has, instead of earlier ones. The server keeps them in memory.
   *
   * @throws CodeBuddyApiError `session_not_found`, `validation_failed`, `insufficient_scope`, `not_supported_by_agent`
   * @example
   * await client.sessions.setMcpServers(session.id, { docs: { url: 'https://mcp.example.com/mcp' } });
   */
  setMcpServers(
    id: string,
    mcpServers: Body<'setSessionMcpServers'>['mcpServers'],
    options?: CallOptions,
  ): Promise<void> {
    return this.calls.send('POST', pathOf('sessions', id, '/mcp-servers'), { mcpServers }, options);
  }

  /**
   * Exports a session as one document.
   *
   * @throws CodeBuddyApiError `session_not_found`
   * @example
   * const markdown = await client.sessions.export(session.id, { format: 'markdown' });
   */
  async export<F extends 'json' | 'markdown' = 'json'>(
    id: string,
    query: { readonly format?: F } = {},
    options?: CallOptions,
  ): Promise<F extends 'markdown' ? string : ExportedSession> {
    const path = pathOf('sessions', id, '/export');
    const document: unknown =
      query.format === 'markdown'
        ? await this.calls.text(path, options, query)
        : await this.calls.get(path, options, query);
    return document as F extends 'markdown' ? string : ExportedSession;
  }

  /** Deletes a session with its messages and runs. @throws CodeBuddyApiError `session_not_found`, `session_busy` */
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('sessions', id), undefined, options);
  }

  /** Lists the messages of a session, oldest first. @throws CodeBuddyApiError `session_not_found` */
  messages(
    id: string,
    query?: Query<'listSessionMessages'>,
    options?: CallOptions,
  ): PageList<Answer<'listSessionMessages', 200>, Message> {
    return this.calls.list(pathOf('sessions', id, '/messages'), options, query, ({ messages }) => messages);
  }

  /**
   * Lists the files that a session has changed, by path, with unified diffs. Diffs need the scope `tools`.
   *
   * @throws CodeBuddyApiError `session_not_found`
   * @example
   * for await (const { path, diff } of client.sessions.changes(session.id)) console.log(path, diff);
   */
  changes(
    id: string,
    query?: Query<'listSessionChanges'>,
    options?: CallOptions,
  ): PageList<Answer<'listSessionChanges', 200>, SessionChange> {
    return this.calls.list(pathOf('sessions', id, '/changes'), options, query, ({ changes }) => changes);
  }

  /**
   * Takes a session and its files back to before a prompt; default: the last one. `files` has the outcome of each file.
   *
   * @throws CodeBuddyApiError `session_not_found`, `session_busy`, `nothing_to_undo`, `validation_failed`
   * @example
   * const { files } = await client.sessions.undo(session.id);
   */
  undo(id: string, body: Body<'undoSession'> = {}, options?: CreateOptions): Promise<UndoResult> {
    return this.calls.create(pathOf('sessions', id, '/undo'), body, options);
  }

  /** Takes back the last undo of a session. @throws CodeBuddyApiError `session_busy`, `nothing_to_redo` */
  redo(id: string, body: Body<'redoSession'> = {}, options?: CreateOptions): Promise<UndoResult> {
    return this.calls.create(pathOf('sessions', id, '/redo'), body, options);
  }

  /**
   * Adds a message without starting a run. The next run of the session sees it before its prompt.
   *
   * @throws CodeBuddyApiError `session_not_found`, `not_supported_by_agent`
   * @example
   * await client.sessions.addMessage(session.id, 'The deploy has finished.');
   */
  addMessage(id: string, text: string, options?: CreateOptions): Promise<Message> {
    return this.calls.create(pathOf('sessions', id, '/messages'), { text }, options);
  }

  /**
   * Replaces the older part of the conversation that models read by a summary. The messages stay.
   *
   * @throws CodeBuddyApiError `session_not_found`, `session_busy`, `not_supported_by_agent`
   * @example
   * const { tokensBefore, tokensAfter } = await client.sessions.compact(session.id);
   */
  compact(
    id: string,
    body: Body<'compactSession'> = {},
    options?: CreateOptions,
  ): Promise<Answer<'compactSession', 200>> {
    return this.calls.create(pathOf('sessions', id, '/compact'), body, options);
  }

  /**
   * Searches the messages of all sessions, newest first. All words must be in a message, and phrases in quotes.
   *
   * @example
   * for await (const { session, snippet } of client.sessions.search({ q: 'deploy "exit code 1"' }))
   *   console.log(session.title, snippet.text);
   */
  search(
    query: Query<'searchMessages'>,
    options?: CallOptions,
  ): PageList<Answer<'searchMessages', 200>, SearchHit> {
    return this.calls.list('/api/search', options, query, ({ hits }) => hits);
  }

  /**
   * Streams the events of a session, from its first event until the loop is left. Reconnects and resumes when the
   * connection breaks.
   *
   * @example
   * for await (const event of client.sessions.events(session.id)) console.log(event.type);
   */
  events(id: string, options?: FollowOptions): AsyncGenerator<StreamEvent, void> {
    return this.calls.follow(pathOf('sessions', id, '/events'), options);
  }
}
