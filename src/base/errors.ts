// Every error that clients can see, in one table: a stable code, its HTTP status, its title and when it occurs. `docs/errors.md` is generated from
// the table.

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
    when: 'The `Host` header is missing, repeated or malformed.',
  },
  invalid_header: { status: 400, title: 'Bad header', when: 'A header is malformed, repeated or too large.' },
  invalid_body: {
    status: 400,
    title: 'Bad body',
    when: 'The body is not JSON, is incomplete, or contains a forbidden key.',
  },
  bad_request: { status: 400, title: 'Bad request', when: 'The request is not valid HTTP.' },
  unauthorized: { status: 401, title: 'Unauthorized', when: 'The API key is missing or wrong.' },
  insufficient_scope: {
    status: 403,
    title: 'Forbidden',
    when: 'The API key lacks the scope that the route, or an option of the request, requires.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    when: 'A page of another origin tried to change state.',
  },
  outside_workspace: {
    status: 403,
    title: 'Outside the workspace',
    when: 'A path leads out of the workspace.',
  },
  cost_limit_reached: {
    status: 402,
    title: 'Cost limit reached',
    when: 'The cost limit of the session or of the day is reached; nothing was started.',
  },
  permission_denied: {
    status: 403,
    title: 'Permission denied',
    when: 'A tool was not allowed to run: by a rule, by the permission mode, by a person, or because nobody decided in time.',
  },
  not_found: { status: 404, title: 'Not found', when: 'No route has this path.' },
  tool_not_found: { status: 404, title: 'Tool not found', when: 'No tool has this name.' },
  session_not_found: { status: 404, title: 'Session not found', when: 'No session has this id.' },
  run_not_found: { status: 404, title: 'Run not found', when: 'No run has this id.' },
  permission_not_found: {
    status: 404,
    title: 'Permission not found',
    when: 'No permission with this id is pending or was decided recently.',
  },
  event_not_found: { status: 404, title: 'Event not found', when: 'No event has this id.' },
  webhook_not_found: { status: 404, title: 'Webhook not found', when: 'No webhook has this id.' },
  delivery_not_found: {
    status: 404,
    title: 'Delivery not found',
    when: 'No delivery has this id, or it was deleted (ended deliveries are kept for 30 days, at most 100 000 of them).',
  },
  key_not_found: { status: 404, title: 'API key not found', when: 'No API key has this id.' },
  file_not_found: {
    status: 404,
    title: 'File not found',
    when: 'The path given to a tool does not exist.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    when: 'The path does not support the method; see `Allow`.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not acceptable',
    when: 'The route has no representation that `Accept` allows.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    when: 'The headers took more than 10 s, or the whole request more than 30 s.',
  },
  session_busy: {
    status: 409,
    title: 'Session busy',
    when: 'A session with an unfinished run does not allow this change.',
  },
  run_ended: { status: 409, title: 'Run has ended', when: 'The run has ended and cannot be cancelled.' },
  run_not_resumable: {
    status: 409,
    title: 'Run cannot be resumed',
    when: 'Only an interrupted or failed run can be resumed, and only if it is the last of its session.',
  },
  permission_resolved: {
    status: 409,
    title: 'Permission resolved',
    when: 'The permission is already decided, or its run has ended.',
  },
  run_cancelled: {
    status: 409,
    title: 'Run cancelled',
    when: 'The run was cancelled before it had an answer.',
  },
  webhook_exists: { status: 409, title: 'Webhook exists', when: 'A webhook with this id already exists.' },
  webhook_refused: {
    status: 409,
    title: 'Webhook refused',
    when: 'The entry of this webhook in webhooks.json is invalid, so nothing can be sent; its state has the reason.',
  },
  webhook_disabled: {
    status: 409,
    title: 'Webhook disabled',
    when: 'A disabled webhook cannot be tested; enable it first.',
  },
  delivery_pending: {
    status: 409,
    title: 'Delivery pending',
    when: 'A delivery that is being sent, or is next in the queue, cannot be retried.',
  },
  replay_running: {
    status: 409,
    title: 'Replay running',
    when: 'A replay to this webhook is running; wait for it to end.',
  },
  file_changed: {
    status: 409,
    title: 'File changed',
    when: 'The file changed while a tool worked on it, or since the session last read it; nothing was written. Read it again.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'Idempotency conflict',
    when: 'The `Idempotency-Key` was used with another request.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Still in progress',
    when: 'The first request with this `Idempotency-Key` has not ended.',
  },
  body_too_large: { status: 413, title: 'Body too large', when: 'The body is larger than `maxRequestSize`.' },
  uri_too_long: { status: 414, title: 'URL too long', when: 'The request target is longer than 8 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    when: 'The body is not `application/json` in UTF-8.',
  },
  misdirected_request: {
    status: 421,
    title: 'Misdirected request',
    when: '`Host` names another server (protection against DNS rebinding).',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    when: 'The input does not match the schema; `errors` names each field.',
  },
  model_not_found: {
    status: 422,
    title: 'Model not found',
    when: 'The provider does not have the model.',
  },
  context_too_long: {
    status: 422,
    title: 'Context too long',
    when: 'The conversation exceeds the context window of the model, even after it was summarized.',
  },
  tool_failed: {
    status: 422,
    title: 'Tool failed',
    when: 'The tool ran and failed; `detail` has the reason.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many failed attempts',
    when: 'Too many wrong API keys from one address; see `Retry-After`. A valid key is never refused.',
  },
  too_many_tests: {
    status: 429,
    title: 'Too many tests',
    when: 'The webhook was tested more than 10 times within a minute; see `Retry-After`.',
  },
  too_many_run_webhooks: {
    status: 429,
    title: 'Too many run webhooks',
    when: 'Too many webhooks of single runs (`webhook` of a prompt) have unfinished runs or deliveries; see `Retry-After`.',
  },
  too_many_runs: {
    status: 429,
    title: 'Too many runs',
    when: 'The queue of the session, of the API key or of the server is full; see `Retry-After`.',
  },
  too_many_waiting_runs: {
    status: 429,
    title: 'Too many waiting runs',
    when: 'Too many runs are waiting for approval, of the API key or in total; see `Retry-After`.',
  },
  model_rate_limited: {
    status: 429,
    title: 'Model rate limited',
    when: 'The provider limits the rate of requests, and no fallback model was left; see `Retry-After`.',
  },
  headers_too_large: { status: 431, title: 'Headers too large', when: 'The headers are larger than 16 KiB.' },
  loop_detected: {
    status: 508,
    title: 'Loop detected',
    when: 'A chain of webhooks of this server caused the request (`X-CodeBuddy-Hop` is 3 or more).',
  },
  client_closed_request: {
    status: 499,
    title: 'Client closed request',
    when: 'The client closed the connection before the answer (only in logs).',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    when: 'Internal error; see the server log for this request id.',
  },
  model_auth_failed: {
    status: 502,
    title: 'Model key refused',
    when: 'The API key of the provider is missing or was refused.',
  },
  model_refused: {
    status: 502,
    title: 'Model refused',
    when: 'The provider refused the request; `detail` has its message.',
  },
  model_unavailable: {
    status: 502,
    title: 'Model unavailable',
    when: 'The provider cannot be reached or fails, and no fallback model was left.',
  },
  model_bad_response: {
    status: 502,
    title: 'Invalid model response',
    when: 'The model or its provider sent an invalid response; for tool calls, twice in a row.',
  },
  handler_not_configured: {
    status: 503,
    title: 'Not configured',
    when: 'The host application has not set the handler that this route requires.',
  },
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    when: 'The store cannot be written (read-only or failing disk).',
  },
  resources_exhausted: {
    status: 503,
    title: 'Resources exhausted',
    when: 'The server has no file handles, processes or memory left; see `Retry-After`.',
  },
  sandbox_unavailable: {
    status: 503,
    title: 'No sandbox',
    when: 'The sandbox is required, but it is missing or could not be set up. The command was not run.',
  },
  shutting_down: { status: 503, title: 'Shutting down', when: 'The server is stopping.' },
  too_many_connections: {
    status: 503,
    title: 'Too many connections',
    when: 'The limit of open connections or streams is reached: of the server, of the address or of the API key.',
  },
  model_timeout: {
    status: 504,
    title: 'Model timed out',
    when: 'The model sent nothing for too long (setting `modelSilenceMs`), and no fallback model was left.',
  },
  run_timeout: { status: 504, title: 'Run timed out', when: 'The run took longer than its `timeoutMs`.' },
  storage_full: { status: 507, title: 'Disk full', when: 'The disk is full; nothing was changed.' },
} as const satisfies Record<string, ProblemKind>;

/** The stable, machine-readable code of a problem. */
export type ProblemCode = keyof typeof table;

/** All problems by code. */
export const problems: Readonly<Record<ProblemCode, ProblemKind>> = table;

export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(table, code);
}

/** An invalid field. `pointer` is a JSON Pointer (RFC 6901) from the root of the part that `in` names. */
export interface FieldError {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly message: string;
}

/** Maximum number of fields that an error names, or the answer could be larger than the request. */
const maxErrors = 100;
const maxPointerLength = 500;
const maxErrorLength = 1000;
/** The same as the longest result of a tool, since the model reads a tool's error as a whole. */
const maxDetailLength = 65_536;

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** An error for the client: `message` becomes `detail`, `code` selects the status and title. Long texts are truncated. */
export class CodeBuddyError extends Error {
  override readonly name = 'CodeBuddyError';
  readonly code: ProblemCode;
  /** For `validation_failed`: the first 100 invalid fields. */
  readonly errors: readonly FieldError[] | undefined;
  /** Response headers of the problem, such as `Retry-After` or `Allow`. */
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

/** System errors for a lack of file handles or memory. */
const exhaustionCodes: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Returns `resources_exhausted` if the error, or one of its causes, is a lack of file handles, processes or memory; else undefined. */
export function exhaustionOf(error: unknown): CodeBuddyError | undefined {
  let one = error;
  for (let depth = 0; depth < 8 && one instanceof Error; depth++) {
    if (one instanceof CodeBuddyError && one.code === 'resources_exhausted') return one;
    const { code, syscall } = one as NodeJS.ErrnoException;
    // Starting a process fails with EAGAIN if there are too many.
    const isProcess = code === 'EAGAIN' && syscall?.startsWith('spawn') === true;
    // Node's module loader sets no code.
    if (exhaustionCodes.has(code) || isProcess || one.message.includes('too many open files')) {
      return new CodeBuddyError(
        'resources_exhausted',
        `The server has no ${code === 'ENOMEM' ? 'memory' : isProcess ? 'processes' : 'file handles'} left (${code ?? 'EMFILE'}). Try again later, or raise its limits (ulimit).`,
        { cause: error, headers: { 'Retry-After': '5' } },
      );
    }
    one = one.cause;
  }
  return undefined;
}
