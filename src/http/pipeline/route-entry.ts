// Checks a request right after routing: the scope of its key, then the ticket, then the media type; then reads the
// body. Creates one function per route when the app is built, so nothing is looked up per request.

import type { onRequestHookHandler } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { RouteDefinition } from '../route.ts';
import { acceptsEventStream } from '../streaming/sse-accept.ts';
import { refuseForms, refuseOtherMedia } from './body-media.ts';
import { announcesBody } from './lingering-close.ts';
import type { OneTimeTokens } from './one-time-tokens.ts';
import { readBody, readBytes } from './receive-body.ts';
import { GatedRequest } from './request-facts.ts';
import { unauthorized } from './unauthorized.ts';

/** Creates the `onRequest` hook of a route. `maxBytes` limits the body. */
export function makeRouteEntry(
  route: RouteDefinition,
  maxBytes: number,
  tickets: OneTimeTokens,
): onRequestHookHandler {
  const { path, scope } = route;
  const bodySchema = route.schema?.body;
  const wantsBody = typeof bodySchema === 'object';
  // Without required fields, a missing body counts as `{}`.
  const mayBeMissing = wantsBody && (bodySchema.required === undefined || bodySchema.required.length === 0);
  const isRead = route.method === 'GET';

  /** Uses up the ticket. Calls back with an error if it cannot be used for this request. */
  function takeTicket(
    ticket: string,
    accept: string | undefined,
    done: (refusal?: CodeBuddyError) => void,
  ): void {
    if (route.streams !== true || !acceptsEventStream(accept)) {
      done(unauthorized('A ticket can only open an event stream with Accept: text/event-stream.'));
      return;
    }
    const taken = tickets.take(ticket);
    const answer = (isTaken: boolean): void =>
      isTaken ? done() : done(unauthorized('The ticket was already used.'));
    if (typeof taken === 'boolean') answer(taken);
    else taken.then(answer, done);
  }

  return (request, _reply, done) => {
    const { raw } = request;
    if (!(raw instanceof GatedRequest)) throw new TypeError('This request did not come through the gate');
    raw.route = path;
    if (scope !== 'open' && scope !== 'any' && raw.identity?.scopes.includes(scope) !== true) {
      done(
        new CodeBuddyError('insufficient_scope', `This route requires an API key with the scope "${scope}".`),
      );
      return;
    }
    if (route.isSigned === true) {
      done();
      return;
    }
    const { ticket } = raw.identity ?? {};
    if (ticket !== undefined) {
      // A ticket opens a stream, which has no body.
      takeTicket(ticket, raw.headers.accept, done);
      return;
    }
    if (isRead) {
      // HEAD of a stream would never end, so it gets the answer of the JSON page.
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
      } else done(new CodeBuddyError('invalid_body', 'A JSON body is required.'));
    };
    const { headers } = raw;
    if (route.bytes !== undefined) {
      try {
        refuseForms(headers['content-type'], headers['content-encoding']);
      } catch (error) {
        done(error as CodeBuddyError);
        return;
      }
      readBytes(raw, route.bytes.maxBytes, (error, bytes) => take(error, bytes));
      return;
    }
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
