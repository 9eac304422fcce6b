// The gate: checks every raw request before it is routed or its body is read. In this order: request line, `Host`, CORS
// and `Origin`, API key, webhook hops. Callers without a valid key learn nothing about routes or bodies. Answers `GET
// /health` and preflights itself; all other requests go to the Fastify app.

import { CodeBuddyError } from '../../base/errors.ts';
import { challengePattern } from '../../base/identity-proof.ts';
import { makeId } from '../../base/ids.ts';
import type { HttpContext } from '../context.ts';
import { signInCodeOf, signInPath } from '../sign-in/sign-in-codes.ts';
import { ticketOf } from '../streaming/ticket-of.ts';
import { makeKeyCheck } from './api-keys-check.ts';
import type { Connections } from './connections.ts';
import type { CorsSetting } from './cors.ts';
import { makeCorsCheck, preflightHeaders } from './cors.ts';
import { FailedTries } from './failed-tries.ts';
import type { GatedResponse, ServerLife } from './gated-response.ts';
import { makeHostCheck } from './host-check.ts';
import { closeAfterAnswer, mayStillSend } from './lingering-close.ts';
import { isOpenAiPath } from './openai-error.ts';
import { toProblem } from './problem.ts';
import { problemAnswer } from './problem-answer.ts';
import type { GatedRequest, Identity } from './request-facts.ts';
import { maxHops, type RequestHead, readHead, readTarget, saneRequestId } from './request-head.ts';
import type { RequestRecord } from './request-record.ts';
import { startRequestSpan } from './request-span.ts';
import { unauthorized } from './unauthorized.ts';

export interface GateOptions {
  readonly context: HttpContext;
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly cors: CorsSetting;
  readonly apiKeys: readonly string[];
  readonly record: RequestRecord;
  /** Paths that need no key for GET and HEAD. `/docs/*` stands for every path below `/docs/`. */
  readonly openPaths: () => ReadonlySet<string>;
  /** Paths that need no key for POST: their routes verify a signature. */
  readonly signedPaths: () => ReadonlySet<string>;
  readonly life: ServerLife;
  /** Undefined while the server does not listen. */
  readonly connections: () => Connections | undefined;
  /** Passes the request to the app. Waits while a new app is built. */
  readonly pass: (request: GatedRequest, response: GatedResponse) => void;
}

/** Handles one raw request. `expectsContinue`: the client waits for `100 Continue` before it sends the body. */
export type Gate = (request: GatedRequest, response: GatedResponse, expectsContinue?: boolean) => void;

export function makeGate(options: GateOptions): Gate {
  const { context, record, life, pass } = options;
  const hostVerdict = makeHostCheck(options.host, options.allowedHosts);
  const corsVerdict = makeCorsCheck(options.cors);
  const keyVerdict = makeKeyCheck(options.apiKeys, context.services.keys);
  const failedTries = new FailedTries(context.limits.failedTriesPerMinute);
  const answerHealth = makeHealthAnswer(context.version);
  const hasOpenAi = context.services.openai !== undefined;

  return function gate(request, response, expectsContinue) {
    const startedAt = performance.now();
    const head = readHead(request.rawHeaders);
    const id = saneRequestId(head.requestId) ?? makeId('req');
    request.requestId = id;
    response.requestId = id;
    response.life = life;
    let isRecorded = false;
    try {
      if (life.isStopping) {
        throw new CodeBuddyError('shutting_down', 'The server is stopping.', {
          headers: { 'Retry-After': '5' },
        });
      }
      const target = readTarget(request);
      request.speaksOpenAi = hasOpenAi && isOpenAiPath(request.path);
      if (head.repeated !== undefined && head.repeated !== 'host') {
        throw new CodeBuddyError('invalid_header', `The header "${head.repeated}" must not be repeated.`);
      }
      const host = target ?? head.host;
      checkHost(host, head.repeated === 'host', request);
      const { method } = request;
      const isRead = method === 'GET' || method === 'HEAD';
      const cors = corsVerdict(head.origin, host as string, !isRead && method !== 'OPTIONS');
      if (cors.kind === 'refused') {
        throw new CodeBuddyError(
          'origin_not_allowed',
          `Origin ${head.origin} is not allowed to change anything. Allow it with enableCors (--cors).`,
        );
      }
      response.corsHeaders = cors.headers;
      if (isRead && request.path === '/health') {
        request.route = '/health';
        answerHealth(response, prove(request));
        record.health(request, startedAt);
        return;
      }
      startRequestSpan(context.tracing, request, head);
      record.started(request, response, startedAt);
      isRecorded = true;
      if (method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
        answerPreflight(request, response);
        return;
      }
      const isSigned = method === 'POST' && isOpen(options.signedPaths(), request.path);
      request.identity = isSigned ? null : identify(head, host as string, request, isRead);
      if (request.identity?.rates !== undefined) {
        response.rates = request.identity.rates;
        response.rates.takeRequest();
      }
      if (method === 'OPTIONS' && request.path === '*') {
        response.writeHead(204).end();
        return;
      }
      request.hop = head.hop;
      if (head.hop >= maxHops && !isRead && !isSigned && method !== 'OPTIONS') {
        throw new CodeBuddyError(
          'loop_detected',
          `X-CodeBuddy-Hop is ${maxHops} or more, or not a number: webhooks of this server have triggered each other in a loop.`,
        );
      }
      if (expectsContinue === true) {
        const length = Number(request.headers['content-length'] ?? 0);
        // Refused before the client sends any of it. For other reasons the app, which knows the route, may still refuse
        // the request while the body arrives.
        if (length > context.limits.maxRequestSize) {
          throw new CodeBuddyError(
            'body_too_large',
            `The body is larger than ${context.limits.maxRequestSize} bytes.`,
          );
        }
        response.writeContinue();
      }
      pass(request, response);
    } catch (thrown) {
      if (!isRecorded) {
        startRequestSpan(context.tracing, request, head);
        record.started(request, response, startedAt);
      }
      const problem = toProblem(thrown);
      if (problem.code === 'internal_error') record.internalError(problem.cause, id);
      refuse(request, response, problem);
    }
  };

  /** Answers the challenge of a client that wants to verify this server. @throws CodeBuddyError `validation_failed` */
  function prove({ url = '', path, socket }: GatedRequest): string | undefined {
    const { identity } = context.services;
    if (url.length === path.length) return undefined;
    const challenge = new URLSearchParams(url.slice(path.length + 1)).get('challenge');
    if (challenge === null || identity === undefined) return undefined;
    if (!challengePattern.test(challenge)) {
      const message = 'must be 22 to 128 random letters, digits, - and _';
      throw new CodeBuddyError('validation_failed', `challenge ${message}.`, {
        errors: [{ in: 'query', pointer: '/challenge', message }],
      });
    }
    const { localAddress, localPort } = socket;
    if (localAddress === undefined || localPort === undefined) return undefined;
    return identity({ challenge, address: localAddress, port: localPort });
  }

  function checkHost(host: string | undefined, isRepeated: boolean, request: GatedRequest): void {
    if (host === undefined || host === '' || isRepeated) {
      throw new CodeBuddyError('invalid_host_header', 'Exactly one Host header is required.');
    }
    const verdict = hostVerdict(host, request.socket.localAddress);
    if (verdict === 'ours') return;
    if (verdict === 'malformed') {
      throw new CodeBuddyError('invalid_host_header', 'The Host header is malformed.');
    }
    throw new CodeBuddyError(
      'misdirected_request',
      `Host "${host}" is not allowed. Add it to allowedHosts (--allowed-host).`,
    );
  }

  /** @throws CodeBuddyError `unauthorized`, `rate_limited`, `too_many_connections` */
  function identify(
    { apiKey, authorization, cookie, csrfToken }: RequestHead,
    host: string,
    request: GatedRequest,
    isRead: boolean,
  ): Identity | null {
    if (isRead && isOpen(options.openPaths(), request.path)) return null;
    // Before the rate limit: a valid key is never refused because of wrong ones from the same address.
    const verdict = keyVerdict(apiKey, authorization);
    if (verdict.kind === 'known') {
      options.connections()?.identified(request.socket, verdict.identity.keyId);
      return verdict.identity;
    }
    if (verdict.kind === 'missing' && cookie !== undefined && csrfToken !== undefined) {
      const identity = context.signInCookies.identify(cookie, csrfToken, host);
      if (identity === undefined) throw unauthorized('The sign-in has ended. Sign in again.');
      options.connections()?.identified(request.socket, identity.keyId);
      return identity;
    }
    const ticket =
      verdict.kind === 'missing' && request.method === 'GET' ? ticketOf(request.url ?? '') : undefined;
    if (ticket !== undefined) {
      const owner = context.tickets.ownerOf(ticket);
      if (owner === undefined) {
        const wait = failedTries.failed(request.socket.remoteAddress, ticket, Date.now());
        throw wait > 0 ? tooManyTries(wait) : refusedTicket();
      }
      options.connections()?.identified(request.socket, owner.keyId);
      return { ...owner, ticket };
    }
    if (verdict.kind === 'wrong') {
      const code = signInCodeOf(authorization);
      if (code !== undefined && request.path === signInPath && request.method === 'POST') {
        const owner = context.signInCodes.ownerOf(code);
        if (owner !== undefined) return { ...owner, signInCode: code };
      }
      const wait = failedTries.failed(request.socket.remoteAddress, verdict.fingerprint, Date.now());
      throw wait > 0
        ? tooManyTries(wait)
        : unauthorized(code === undefined ? 'Unknown API key.' : unknownCode);
    }
    throw unauthorized('API key required. Send it as Authorization: Bearer KEY or X-API-Key: KEY.');
  }
}

const unknownCode =
  'The sign-in code is unknown, used or older than 60 s. Create another with: codebuddy open';

function refusedTicket(): CodeBuddyError {
  return unauthorized(
    'The ticket is unknown, used or older than 60 s. Create another with POST /api/stream-tickets.',
  );
}

function tooManyTries(seconds: number): CodeBuddyError {
  return new CodeBuddyError('rate_limited', `Too many wrong API keys. Try again in ${seconds} s.`, {
    headers: { 'Retry-After': String(seconds) },
  });
}

function isOpen(openPaths: ReadonlySet<string>, path: string): boolean {
  if (openPaths.has(path)) return true;
  // Plain paths only: an encoded path might mean another route to the router.
  if (path.includes('%') || path.includes('//') || path.includes('/.')) return false;
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (openPaths.has(`${path.slice(0, end)}/*`)) return true;
  }
  return false;
}

function answerPreflight(request: GatedRequest, response: GatedResponse): void {
  const headers: Record<string, string> = {};
  // Without CORS headers the browser refuses the request.
  if (response.corsHeaders?.includes('Access-Control-Allow-Origin') === true) {
    Object.assign(headers, preflightHeaders);
    if (request.headers['access-control-request-private-network'] === 'true') {
      headers['Access-Control-Allow-Private-Network'] = 'true';
    }
  }
  response.writeHead(204, headers);
  response.end();
}

/** Creates the answer to `GET /health`. Its text is built once a millisecond. */
function makeHealthAnswer(version: string): (response: GatedResponse, proof: string | undefined) => void {
  const tail = `","version":${JSON.stringify(version)}}`;
  let madeAt = 0;
  let body = '';
  return (response, proof) => {
    const now = Date.now();
    if (now !== madeAt) {
      madeAt = now;
      body = `{"status":"ok","timestamp":"${new Date(now).toISOString()}${tail}`;
    }
    const text = proof === undefined ? body : `${body.slice(0, -1)},"proof":"${proof}"}`;
    response.answer(200, 'application/json; charset=utf-8', text);
  };
}

/** Answers with a problem without reading the rest of the request. */
export function refuse(request: GatedRequest, response: GatedResponse, problem: CodeBuddyError): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (mayStillSend(request)) closeAfterAnswer(response);
  const { status, contentType, body } = problemAnswer(problem, request);
  response.answer(status, contentType, body, problem.headers);
}
