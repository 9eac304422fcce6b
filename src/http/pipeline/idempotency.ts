// `Idempotency-Key`: a client that lost the answer repeats its request, and the work is done once. The first answer is
// kept for 24 h under the API key's id and the client's key, and repeated only while the API key has the scopes it had.
// Server errors (5xx), temporary errors and streams are not kept; for a stream that can be resumed, `keepAnswer` keeps
// another answer.
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/

import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import { mayHaveEffect } from '../../base/possible-effect.ts';
import type { Scope } from '../../contract/api-key.ts';
import type { HttpContext } from '../context.ts';
import type { AnswerStore, RequestEnd, StoredAnswer } from '../services.ts';
import { callerOf } from './caller.ts';
import { makeAnswerMemory } from './idempotency-memory.ts';
import { toProblem } from './problem.ts';
import { problemAnswer } from './problem-answer.ts';
import { factsOf } from './request-facts.ts';

/** Headers that are stored and repeated with the answer. */
const repeatedHeaders = ['content-type', 'location', 'preference-applied', 'link'] as const;
/** Temporary errors: keeping them would make a retry pointless. */
const temporary = new Set([408, 409, 425, 429, 499]);

interface FirstRequest {
  readonly storageKey: string;
  readonly fingerprint: string;
  readonly scopes: readonly Scope[];
  /** How it ends if its answer is not stored. */
  end: RequestEnd;
}

/** State shared by all Fastify apps of one server. */
interface Ledger {
  readonly answers: AnswerStore;
  /** Requests in progress: storage key to fingerprint. */
  readonly running: Map<string, string>;
}

const ledgers = new WeakMap<HttpContext, Ledger>();
const firsts = new WeakMap<FastifyRequest, FirstRequest>();

type Keep = (answer: Omit<StoredAnswer, 'fingerprint'>) => Promise<void>;

/** Keeps the answer to a request whose own answer is a stream. */
const keepers = new WeakMap<FastifyRequest, Keep>();

/** Keeps `answer` for repetitions of a request that is answered by a stream. Nothing without an Idempotency-Key. */
export async function keepAnswer(
  request: FastifyRequest,
  answer: Omit<StoredAnswer, 'fingerprint'>,
): Promise<void> {
  const keep = keepers.get(request);
  keepers.delete(request);
  await keep?.(answer);
}

/**
 * Makes the one change of a request. If it fails, the request has changed nothing, unless the error says that it may
 * have. A repeated request is then done even if this node was declared dead meanwhile.
 */
export async function onlyChange<T>(request: FastifyRequest, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const first = firsts.get(request);
    if (first !== undefined) first.end = { kind: mayHaveEffect(error) ? 'unknown' : 'undone' };
    throw error;
  }
}

/** Adds the hooks to the routes with `idempotent`. Call it before the routes are added to `app`. */
export function installIdempotency(app: FastifyInstance, context: HttpContext): void {
  const flagged = new Set(
    context
      .routes()
      .filter((route) => route.idempotent === true)
      .map(({ method, path }) => `${method} ${path}`),
  );
  let ledger = ledgers.get(context);
  if (ledger === undefined) {
    ledger = { answers: context.services.answers ?? makeAnswerMemory(), running: new Map() };
    ledgers.set(context, ledger);
  }
  const { recall, remember, rememberProblem } = makeHooks(ledger, context);
  app.addHook('onRoute', (route) => {
    if (!flagged.has(`${String(route.method)} ${route.url}`)) return;
    route.preHandler = [...asList(route.preHandler), recall];
    route.onSend = [...asList(route.onSend), remember];
    // Problems bypass Fastify's onSend hooks, so they are caught where they are thrown.
    const { handler } = route;
    route.handler = async function (request, reply) {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        await rememberProblem(request, error);
        throw error;
      }
    };
  });
}

function makeHooks({ answers, running }: Ledger, context: HttpContext) {
  /** Runs before the handler: repeats the first answer, or records that this is the first request. */
  async function recall(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const key = readKey(request);
    if (key === undefined) return undefined;
    const { keyId, scopes } = callerOf(request);
    const storageKey = `${encodeURIComponent(keyId ?? '')}:${key}`;
    const fingerprint = fingerprintOf(request);
    const ongoing = running.get(storageKey);
    if (ongoing !== undefined) {
      if (ongoing !== fingerprint) throw conflict(key);
      throw inProgress(key);
    }
    // Set before the first await, so two simultaneous requests cannot both be the first.
    running.set(storageKey, fingerprint);
    let first = false;
    let isClaimed = false;
    try {
      // Before the answer is looked up, so that one that another node stores meanwhile is found.
      isClaimed = (await answers.claim?.(storageKey)) ?? true;
      if (!isClaimed) throw inProgress(key);
      const answer = await answers.get(storageKey);
      if (answer === undefined) {
        first = true;
        firsts.set(request, { storageKey, fingerprint, scopes, end: { kind: 'ended' } });
        keepers.set(request, (kept) => keep(request, kept));
        // Streams never reach `remember`. All other answers do, even if the client has disconnected.
        reply.raw.once('close', () => {
          // With a keeper that was used, `keep` releases it after the answer is stored.
          if (reply.sent && keepers.delete(request)) release(request);
        });
        return undefined;
      }
      if (answer.kind === 'lost') throw outcomeUnknown(key);
      const kept = openSeal(answer.fingerprint);
      if (kept.fingerprint !== fingerprint) throw conflict(key);
      requireScopes(kept.scopes, scopes);
      return repeat(reply, answer);
    } finally {
      if (!first) {
        running.delete(storageKey);
        if (isClaimed) answers.release?.(storageKey, { kind: 'undone' });
      }
    }
  }

  /** Runs before the answer is sent: stores it first, so a client never has an answer that cannot be repeated. */
  async function remember(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const body = bodyText(payload);
    if (body === undefined) return payload;
    const headers: Record<string, string> = {};
    for (const name of repeatedHeaders) {
      const value = reply.getHeader(name);
      if (value !== undefined) headers[name] = String(value);
    }
    await keep(request, { status: reply.statusCode, headers, body });
    return payload;
  }

  /** Stores a problem as the answer: a tool that ran and failed must not run again. */
  async function rememberProblem(request: FastifyRequest, thrown: unknown): Promise<void> {
    const problem = toProblem(thrown);
    // The request had no effect, and may succeed once the key has more scopes.
    if (problem.code === 'insufficient_scope') {
      release(request);
      return;
    }
    const { status, contentType, body } = problemAnswer(problem, factsOf(request));
    await keep(request, { status, headers: { 'content-type': contentType }, body });
  }

  async function keep(request: FastifyRequest, answer: Omit<StoredAnswer, 'fingerprint'>): Promise<void> {
    const first = firsts.get(request);
    if (first === undefined) return;
    if (answer.status >= 500 || temporary.has(answer.status)) {
      release(request);
      return;
    }
    const stored = { fingerprint: seal(first), ...answer };
    try {
      await answers.put(first.storageKey, stored);
    } catch (error) {
      // The work is done: the client must get the answer now. With several nodes, it is stored later.
      const isStorage = error instanceof CodeBuddyError && error.code.startsWith('storage_');
      if (first.end.kind === 'ended')
        first.end = isStorage ? { kind: 'answer', answer: stored } : { kind: 'unknown' };
      context.logger.error({ err: error }, 'Failed to store the answer to an Idempotency-Key');
    } finally {
      release(request);
    }
  }

  function release(request: FastifyRequest): void {
    const first = firsts.get(request);
    if (first === undefined) return;
    firsts.delete(request);
    running.delete(first.storageKey);
    answers.release?.(first.storageKey, first.end);
  }

  return { recall, remember, rememberProblem };
}

function repeat(reply: FastifyReply, { status, headers, body }: StoredAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .header('Idempotency-Replayed', 'true')
    .serializer((text: string) => text)
    .send(body);
}

/** @throws CodeBuddyError `validation_failed`, naming the header */
function readKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return key;
  const message = 'must be 1 to 255 printable ASCII characters';
  throw new CodeBuddyError('validation_failed', `Idempotency-Key ${message}.`, {
    errors: [{ in: 'header', pointer: '/idempotency-key', message }],
  });
}

/** Hash of the method, the URL and the parsed body. White space in the JSON makes no difference. */
function fingerprintOf(request: FastifyRequest): string {
  const hash = createHash('sha256').update(`${request.method} ${request.url}\n`);
  const { body } = request;
  return hash.update(Buffer.isBuffer(body) ? body : (JSON.stringify(body) ?? '')).digest('hex');
}

/** Joins the fingerprint and the scopes that the key had, for storage. */
function seal({ fingerprint, scopes }: FirstRequest): string {
  return `${fingerprint} ${scopes.join(',')}`;
}

function openSeal(sealed: string): { readonly fingerprint: string; readonly scopes: readonly string[] } {
  const [fingerprint = '', scopes = ''] = sealed.split(' ');
  return { fingerprint, scopes: scopes === '' ? [] : scopes.split(',') };
}

/** @throws CodeBuddyError `insufficient_scope` */
function requireScopes(then: readonly string[], now: readonly string[]): void {
  const missing = then.filter((scope) => !now.includes(scope));
  if (missing.length === 0) return;
  throw new CodeBuddyError(
    'insufficient_scope',
    `The first request was made with the scope ${missing.map((scope) => `"${scope}"`).join(', ')}, which this API key no longer has.`,
  );
}

function inProgress(key: string): CodeBuddyError {
  return new CodeBuddyError(
    'idempotency_in_progress',
    `The first request with Idempotency-Key ${JSON.stringify(key)} is still in progress. Try again soon.`,
    { headers: { 'Retry-After': '1' } },
  );
}

function outcomeUnknown(key: string): CodeBuddyError {
  return new CodeBuddyError(
    'idempotency_unknown',
    `The outcome of the first request with Idempotency-Key ${JSON.stringify(key)} is not known, because its node or the database failed meanwhile. It may have taken effect. Look for its effect, then use a new key if it is needed again.`,
  );
}

function conflict(key: string): CodeBuddyError {
  return new CodeBuddyError(
    'idempotency_conflict',
    `Idempotency-Key ${JSON.stringify(key)} was already used with a different request. Use a new key.`,
  );
}

function bodyText(payload: unknown): string | undefined {
  if (payload === undefined || payload === null) return '';
  if (typeof payload === 'string') return payload;
  return Buffer.isBuffer(payload) ? payload.toString() : undefined;
}

function asList<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
