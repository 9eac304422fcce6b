// Every error a client can see, in one table: a stable code, its HTTP status, a title and when it happens.
// Any room may import this file; it imports nothing. `docs/errors.md` is generated from the table.

/** One row of the problem table: what a `code` means (RFC 9457 `status` and `title`) and when it is sent. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly when: string;
}

const table = {
  invalid_url: { status: 400, title: 'Bad URL', when: 'The request target cannot be parsed or decoded.' },
  invalid_host_header: {
    status: 400,
    title: 'Bad Host header',
    when: 'Host is missing, repeated or malformed.',
  },
  invalid_header: { status: 400, title: 'Bad header', when: 'A header is malformed, repeated or too large.' },
  invalid_body: {
    status: 400,
    title: 'Bad body',
    when: 'The body is not JSON, is cut off, or holds a forbidden key.',
  },
  bad_request: { status: 400, title: 'Bad request', when: 'The request is not valid HTTP.' },
  unauthorized: { status: 401, title: 'Unauthorized', when: 'The API key is missing or wrong.' },
  insufficient_scope: {
    status: 403,
    title: 'Forbidden',
    when: 'The API key lacks the scope that the route, or an option of the request, needs.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    when: 'A foreign Origin tried to change state.',
  },
  outside_workspace: {
    status: 403,
    title: 'Outside the workspace',
    when: 'A path leads out of the workspace.',
  },
  cost_limit_reached: {
    status: 402,
    title: 'Cost limit reached',
    when: 'The limit that was set for the cost of a session or of a day is reached; nothing was started.',
  },
  permission_denied: {
    status: 403,
    title: 'Permission denied',
    when: 'A tool was not allowed to run: by a rule, by the permission mode, by a person, or because nobody answered.',
  },
  not_found: { status: 404, title: 'Not found', when: 'No route has this path.' },
  tool_not_found: { status: 404, title: 'No such tool', when: 'No tool has this name.' },
  session_not_found: { status: 404, title: 'No such session', when: 'No session has this id.' },
  run_not_found: { status: 404, title: 'No such run', when: 'No run has this id.' },
  permission_not_found: {
    status: 404,
    title: 'No such permission',
    when: 'No permission with this id waits or was decided lately.',
  },
  event_not_found: { status: 404, title: 'No such event', when: 'No event has this id.' },
  webhook_not_found: { status: 404, title: 'No such webhook', when: 'No webhook has this id.' },
  delivery_not_found: {
    status: 404,
    title: 'No such delivery',
    when: 'No delivery has this id, or it was pruned (30 days, 100 000 ended ones).',
  },
  key_not_found: { status: 404, title: 'No such key', when: 'No API key has this id.' },
  file_not_found: {
    status: 404,
    title: 'No such file',
    when: 'A tool was given a path that does not exist.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    when: 'The path exists, the method does not; see Allow.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not acceptable',
    when: 'The route cannot answer in a form that Accept allows.',
  },
  request_timeout: {
    status: 408,
    title: 'Request time-out',
    when: 'The headers (10 s) or the whole request (30 s) came too slowly.',
  },
  session_busy: {
    status: 409,
    title: 'Session busy',
    when: 'A session with an unfinished run cannot be changed that way.',
  },
  run_ended: { status: 409, title: 'Run has ended', when: 'A run that has ended cannot be cancelled.' },
  run_not_resumable: {
    status: 409,
    title: 'Run cannot be resumed',
    when: 'Only a run that was interrupted or has failed can be resumed, and only as the last of its session.',
  },
  permission_resolved: {
    status: 409,
    title: 'Permission resolved',
    when: 'The permission was decided already, or its run has ended.',
  },
  run_cancelled: {
    status: 409,
    title: 'Run cancelled',
    when: 'The run was cancelled before it had an answer.',
  },
  webhook_exists: { status: 409, title: 'Webhook exists', when: 'A webhook with this id exists already.' },
  webhook_refused: {
    status: 409,
    title: 'Webhook refused',
    when: 'The entry of this webhook in webhooks.json cannot be used now, so nothing can be sent; its state says why.',
  },
  webhook_disabled: {
    status: 409,
    title: 'Webhook disabled',
    when: 'A webhook that is disabled cannot be tested; enable it first.',
  },
  delivery_pending: {
    status: 409,
    title: 'Delivery pending',
    when: 'A delivery that is under way, or next in line, cannot be retried.',
  },
  replay_running: {
    status: 409,
    title: 'Replay running',
    when: 'The webhook is being replayed to; wait for its end.',
  },
  file_changed: {
    status: 409,
    title: 'File changed',
    when: 'A file changed while a tool worked on it, or since its session last read it; nothing was written. Read it again.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'Idempotency conflict',
    when: 'The Idempotency-Key was used with another request.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Still in progress',
    when: 'The first request with this Idempotency-Key has not ended.',
  },
  body_too_large: { status: 413, title: 'Body too large', when: 'The body is over `maxRequestSize`.' },
  uri_too_long: { status: 414, title: 'URL too long', when: 'The request target is over 8 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    when: 'The body is not `application/json` in UTF-8.',
  },
  misdirected_request: {
    status: 421,
    title: 'Misdirected request',
    when: 'Host names a server that this is not (DNS rebinding).',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    when: 'The input does not fit the schema; `errors` names each field.',
  },
  model_not_found: {
    status: 422,
    title: 'No such model',
    when: 'The provider does not know the model.',
  },
  context_too_long: {
    status: 422,
    title: 'Context too long',
    when: 'The conversation is longer than the model can read, also after it was summed up.',
  },
  tool_failed: {
    status: 422,
    title: 'Tool failed',
    when: 'The tool ran and reported a failure; `detail` says which.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many failed tries',
    when: 'Too many wrong API keys from one address; see Retry-After. A right key is never refused.',
  },
  too_many_tests: {
    status: 429,
    title: 'Too many tests',
    when: 'A webhook was tested more than 10 times within a minute; see Retry-After.',
  },
  too_many_run_webhooks: {
    status: 429,
    title: 'Too many webhooks of runs',
    when: 'Too many webhooks of single runs (`webhook` of a prompt) have runs or deliveries that have not ended; see Retry-After.',
  },
  too_many_runs: {
    status: 429,
    title: 'Too many runs',
    when: 'The queue of the session, of the API key, or of the server is full; see Retry-After.',
  },
  too_many_waiting_runs: {
    status: 429,
    title: 'Too many waiting runs',
    when: 'Too many runs, of the API key or in all, wait for a person to decide; see Retry-After.',
  },
  model_rate_limited: {
    status: 429,
    title: 'Model rate limited',
    when: 'The provider has had too many requests of ours, and no other model was left; see Retry-After.',
  },
  headers_too_large: { status: 431, title: 'Headers too large', when: 'The headers are over 16 KiB.' },
  loop_detected: {
    status: 508,
    title: 'Loop detected',
    when: 'The request comes from a webhook of ours that was caused by one (X-CodeBuddy-Hop is 3 or more).',
  },
  client_closed_request: {
    status: 499,
    title: 'Client closed request',
    when: 'The client went away before the answer (only in logs).',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    when: 'A fault of ours or of a handler; the log has the cause under the request id.',
  },
  model_auth_failed: {
    status: 502,
    title: 'Model key refused',
    when: 'There is no API key for the provider, or it was refused.',
  },
  model_refused: {
    status: 502,
    title: 'Model refused',
    when: 'The provider refused the request; `detail` has its words.',
  },
  model_unavailable: {
    status: 502,
    title: 'Model unavailable',
    when: 'The provider cannot be reached or fails, and no other model was left.',
  },
  model_bad_response: {
    status: 502,
    title: 'Bad answer of the model',
    when: 'The model, or its provider, answered what makes no sense; for tool calls: twice in a row.',
  },
  handler_not_configured: {
    status: 503,
    title: 'Not configured',
    when: 'The host has not set the handler that this route needs.',
  },
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    when: 'The store cannot be written now (read-only or failing disk).',
  },
  resources_exhausted: {
    status: 503,
    title: 'Resources exhausted',
    when: 'The server has no file handle, process or memory left for this; try again later (see Retry-After).',
  },
  sandbox_unavailable: {
    status: 503,
    title: 'No sandbox',
    when: 'The command would have to run in the sandbox, which is not there or could not be set up now; it was not run.',
  },
  shutting_down: { status: 503, title: 'Shutting down', when: 'The server is stopping.' },
  too_many_connections: {
    status: 503,
    title: 'Too many connections',
    when: 'The cap on open connections or stream readers is reached: of the server, of the address, or of the API key.',
  },
  model_timeout: {
    status: 504,
    title: 'Model timed out',
    when: 'The model sent nothing for too long (setting `modelSilenceMs`), and no other model was left.',
  },
  run_timeout: { status: 504, title: 'Run timed out', when: 'The run took longer than its `timeoutMs`.' },
  storage_full: { status: 507, title: 'Disk full', when: 'The disk is full; nothing was changed.' },
} as const satisfies Record<string, ProblemKind>;

/** The stable, machine-readable word of a problem. */
export type ProblemCode = keyof typeof table;

/** All problems by code. */
export const problems: Readonly<Record<ProblemCode, ProblemKind>> = table;

export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(table, code);
}

/** One field that does not fit: where (RFC 6901 JSON Pointer, `/body/…`-less: from the root of the part named by `in`) and why. */
export interface FieldError {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly message: string;
}

/** Fields that one error names; more would only make the answer larger than the request. */
const maxErrors = 100;
const maxPointerLength = 500;
const maxErrorLength = 1000;
/** As long as the longest result of a tool, since the model reads a tool's error whole. */
const maxDetailLength = 65_536;

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** An error that is meant for the client: `message` becomes `detail`, `code` picks the rest from the table. Long texts are cut. */
export class CodeBuddyError extends Error {
  override readonly name = 'CodeBuddyError';
  readonly code: ProblemCode;
  /** The offending fields, for `validation_failed`: the first 100. */
  readonly errors: readonly FieldError[] | undefined;
  /** Response headers that belong to the problem, as `Retry-After` or `Allow`. */
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      cause?: unknown;
      errors?: readonly FieldError[];
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(cut(detail, maxDetailLength), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors?.slice(0, maxErrors).map(({ in: part, pointer, message }) => ({
      in: part,
      pointer: cut(pointer, maxPointerLength),
      message: cut(message, maxErrorLength),
    }));
    this.headers = options.headers;
  }

  get status(): number {
    return problems[this.code].status;
  }
}

/** What the system says when it has no file handle, process or memory left. */
const exhaustionCodes: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** The problem that an exhausted system is; undefined for every other error. Looks at causes, too. */
export function exhaustionOf(error: unknown): CodeBuddyError | undefined {
  let one = error;
  for (let depth = 0; depth < 8 && one instanceof Error; depth++) {
    if (one instanceof CodeBuddyError && one.code === 'resources_exhausted') return one;
    const { code, syscall } = one as NodeJS.ErrnoException;
    // A new process also fails with EAGAIN: there are too many.
    const isProcess = code === 'EAGAIN' && syscall?.startsWith('spawn') === true;
    // Node's module loader says it in words only.
    if (exhaustionCodes.has(code) || isProcess || one.message.includes('too many open files')) {
      return new CodeBuddyError(
        'resources_exhausted',
        `The server has no ${code === 'ENOMEM' ? 'memory' : isProcess ? 'process' : 'file handle'} left for this (${code ?? 'EMFILE'}). Try again later, or raise its limits (ulimit).`,
        { cause: error, headers: { 'Retry-After': '5' } },
      );
    }
    one = one.cause;
  }
  return undefined;
}
