// What happens to a request right after it was routed: the scope of its key, the media type, then its body. One function a
// route, made when the app is built, so that nothing is looked up while requests come.

import type { onRequestHookHandler } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { RouteDefinition } from '../route.ts';
import { acceptsEventStream } from '../streaming/sse-accept.ts';
import type { StreamTickets } from '../streaming/stream-tickets.ts';
import { announcesBody } from './lingering-close.ts';
import { refuseOtherMedia } from './parse-body.ts';
import { readBody } from './receive-body.ts';
import { GatedRequest } from './request-facts.ts';

export function makeRouteEntry(
  route: RouteDefinition,
  maxBytes: number,
  tickets: StreamTickets,
): onRequestHookHandler {
  const { path, scope } = route;
  const bodySchema = route.schema?.body;
  const wantsBody = typeof bodySchema === 'object';
  // `{}` stands for no body where nothing is required.
  const mayBeMissing = wantsBody && (bodySchema.required === undefined || bodySchema.required.length === 0);
  const isRead = route.method === 'GET';

  /** Uses up a ticket that fits; else says why not. */
  function refuseTicket(ticket: string, accept: string | undefined): CodeBuddyError | undefined {
    const headers = { 'WWW-Authenticate': 'Bearer' };
    if (route.streams !== true || !acceptsEventStream(accept)) {
      const words = 'A ticket opens a stream of events, with Accept: text/event-stream, and nothing else';
      return new CodeBuddyError('unauthorized', words, { headers });
    }
    if (tickets.take(ticket)) return undefined;
    return new CodeBuddyError('unauthorized', 'The ticket was used already', { headers });
  }

  return (request, _reply, done) => {
    const { raw } = request;
    if (!(raw instanceof GatedRequest)) throw new TypeError('This request did not come through the gate');
    raw.route = path;
    if (scope !== 'open' && raw.identity?.scopes.includes(scope) !== true) {
      done(new CodeBuddyError('insufficient_scope', `This needs a key with the scope '${scope}'`));
      return;
    }
    const { ticket } = raw.identity ?? {};
    if (ticket !== undefined) {
      const refusal = refuseTicket(ticket, raw.headers.accept);
      if (refusal !== undefined) {
        done(refusal);
        return;
      }
    }
    if (isRead) {
      // A HEAD of a stream would never end: it is answered as the page of JSON is.
      if (raw.method === 'HEAD') raw.headers.accept = 'application/json';
      done();
      return;
    }
    const take = (error: CodeBuddyError | undefined, body: unknown): void => {
      if (error !== undefined) done(error);
      else if (body !== undefined || !wantsBody) {
        request.body = body;
        done();
      } else if (mayBeMissing) {
        request.body = {};
        done();
      } else done(new CodeBuddyError('invalid_body', 'A JSON body is needed'));
    };
    const { headers } = raw;
    if (!announcesBody(headers)) {
      take(undefined, undefined);
      return;
    }
    try {
      refuseOtherMedia(headers['content-type'], headers['content-encoding']);
    } catch (error) {
      done(error as CodeBuddyError);
      return;
    }
    readBody(raw, maxBytes, take);
  };
}
