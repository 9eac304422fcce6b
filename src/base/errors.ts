// The table of problems: every error that a client can see, with its stable code, HTTP status, title and cause.
// Every module may import this file; it imports nothing. docs/errors.md is generated from the table.
//
// Over 400 lines: the table is one list.

/** One row of the table: the RFC 9457 `status` and `title` of a code, and a sentence that says when it is sent. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly when: string;
}

const table = {
  invalid_url: { status: 400, title: 'Invalid URL', when: 'The request target cannot be parsed or decoded.' },
  invalid_host_header: {
    status: 400,
    title: 'Invalid Host header',
    when: 'The Host header is missing, repeated or malformed.',
  },
  invalid_header: {
    status: 400,
    title: 'Invalid header',
    when: 'A header is malformed, repeated or too large.',
  },
  invalid_body: {
    status: 400,
    title: 'Invalid body',
    when: 'The body is missing, truncated, not valid JSON, or contains a forbidden key.',
  },
  bad_request: { status: 400, title: 'Bad request', when: 'The request is not valid HTTP.' },
  unsupported_parameter: {
    status: 400,
    title: 'Unsupported parameter',
    when: 'Only below `/v1`: a parameter, or its value, asks for something that this server does not do. `param` names it.',
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    when: 'The API key, or the signature of a call of a trigger, is missing or wrong.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    when: 'The API key lacks a scope that the route, or an option of the request, requires.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    when: 'A web page of another origin tried to change something.',
  },
  outside_workspace: {
    status: 403,
    title: 'Outside the workspace',
    when: 'The path leads outside the workspace.',
  },
  cost_limit_reached: {
    status: 402,
    title: 'Cost limit reached',
    when: 'The cost limit of the session, of the trigger or of the day is reached. Nothing was started.',
  },
  permission_required: {
    status: 403,
    title: 'Permission required',
    when: 'Only below `/v1`: a tool call of the run waits for a permission, and the request cannot wait for it. `message` names the permission and its URL.',
  },
  permission_denied: {
    status: 403,
    title: 'Permission denied',
    when: 'The tool was not allowed to run: by a rule, by the permission mode, by a person, or because nobody answered in time.',
  },
  not_found: { status: 404, title: 'Not found', when: 'No route matches the path.' },
  tool_not_found: { status: 404, title: 'Tool not found', when: 'No tool has this name.' },
  session_not_found: { status: 404, title: 'Session not found', when: 'No session has this id.' },
  run_not_found: { status: 404, title: 'Run not found', when: 'No run has this id.' },
  permission_not_found: {
    status: 404,
    title: 'Permission not found',
    when: 'No permission with this id is pending or was decided recently.',
  },
  mcp_server_not_found: {
    status: 404,
    title: 'MCP server not found',
    when: 'No MCP server has this name.',
  },
  question_not_found: {
    status: 404,
    title: 'Question not found',
    when: 'No question with this id is pending or was answered recently.',
  },
  tool_call_not_found: {
    status: 404,
    title: 'Tool call not found',
    when: "No call of a caller's tool with this id is pending or was answered recently.",
  },
  event_not_found: { status: 404, title: 'Event not found', when: 'No event has this id.' },
  webhook_not_found: { status: 404, title: 'Webhook not found', when: 'No webhook has this id.' },
  trigger_not_found: { status: 404, title: 'Trigger not found', when: 'No trigger has this id.' },
  delivery_not_found: {
    status: 404,
    title: 'Delivery not found',
    when: 'No delivery has this id, or it was pruned. Ended deliveries are kept for 30 days, up to 100,000.',
  },
  key_not_found: { status: 404, title: 'API key not found', when: 'No API key has this id.' },
  file_not_found: { status: 404, title: 'File not found', when: 'The path given to a tool does not exist.' },
  upload_not_found: {
    status: 404,
    title: 'Uploaded file not found',
    when: 'No uploaded file has this id, or it was deleted. Files are kept as long as events.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    when: 'The path exists, but not with this method. `Allow` lists the methods.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not acceptable',
    when: 'The route cannot answer with a media type that Accept allows.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    when: 'The headers took longer than 10 s, or the whole request longer than 30 s.',
  },
  session_busy: {
    status: 409,
    title: 'Session busy',
    when: 'The session has an unfinished run, or is being undone, redone or compacted, and cannot be changed this way.',
  },
  nothing_to_undo: {
    status: 409,
    title: 'Nothing to undo',
    when: 'The session has no prompt that could be undone.',
  },
  nothing_to_redo: {
    status: 409,
    title: 'Nothing to redo',
    when: 'The session has no undo that could be taken back. A new prompt makes undos final.',
  },
  session_exists: {
    status: 409,
    title: 'Session already exists',
    when: 'A session with this id already exists.',
  },
  run_ended: {
    status: 409,
    title: 'Run has ended',
    when: 'The run has already ended, or is about to: it cannot be cancelled, and takes no more messages.',
  },
  step_mismatch: {
    status: 409,
    title: 'Another step',
    when: 'The run is not at the `expectedStep` of the message. The message was not taken.',
  },
  run_not_resumable: {
    status: 409,
    title: 'Run cannot be resumed',
    when: 'Only an interrupted or failed run can be resumed, and only if it is the last run of its session.',
  },
  permission_resolved: {
    status: 409,
    title: 'Permission already resolved',
    when: 'The permission was already decided, or its run has ended.',
  },
  question_resolved: {
    status: 409,
    title: 'Question already resolved',
    when: 'The question was already answered, nobody answered it in time, or its run has ended.',
  },
  tool_call_resolved: {
    status: 409,
    title: 'Tool call already resolved',
    when: 'The call already has its result, nobody gave one in time, or its run has ended.',
  },
  session_agent_mismatch: {
    status: 409,
    title: 'Session has another agent',
    when: 'The session belongs to another agent than `options.agent`. A session stays with its agent.',
  },
  mcp_server_exists: {
    status: 409,
    title: 'MCP server exists',
    when: 'Another MCP server has this name, or the server is set in config.json and cannot be changed over the API.',
  },
  session_workspace_mismatch: {
    status: 409,
    title: 'Session has another workspace',
    when: 'The session works in another folder than `options.workspace`, or `options.worktree` is set for a session that exists. A session stays in its workspace.',
  },
  workspace_unavailable: {
    status: 409,
    title: 'Workspace unavailable',
    when: 'The folder of the session is missing on this node, or is not in its `workspaceRoots` any more.',
  },
  run_cancelled: { status: 409, title: 'Run cancelled', when: 'The run was cancelled before it completed.' },
  webhook_exists: {
    status: 409,
    title: 'Webhook already exists',
    when: 'A webhook with this id already exists.',
  },
  webhook_refused: {
    status: 409,
    title: 'Webhook refused',
    when: 'The configuration of this webhook cannot be used, so nothing is sent. Its `state` gives the reason.',
  },
  webhook_disabled: {
    status: 409,
    title: 'Webhook disabled',
    when: 'A disabled webhook cannot be tested. Enable it first.',
  },
  trigger_exists: {
    status: 409,
    title: 'Trigger already exists',
    when: 'A trigger with this id already exists.',
  },
  trigger_refused: {
    status: 409,
    title: 'Trigger refused',
    when: 'The configuration of this trigger cannot be used, so its calls are refused. Its `refusal` gives the reason.',
  },
  trigger_disabled: {
    status: 409,
    title: 'Trigger disabled',
    when: 'A disabled trigger accepts no calls. Enable it first.',
  },
  delivery_pending: {
    status: 409,
    title: 'Delivery pending',
    when: 'The delivery is in flight or next in line and cannot be retried.',
  },
  replay_running: {
    status: 409,
    title: 'Replay in progress',
    when: 'A replay to this webhook is in progress. Wait until it ends.',
  },
  file_changed: {
    status: 409,
    title: 'File changed',
    when: 'The file changed while a tool worked on it, or since the session last read it. Nothing was written. Read it again.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'Idempotency key reused',
    when: 'The Idempotency-Key was already used with a different request.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Request in progress',
    when: 'The first request with this Idempotency-Key is still in progress.',
  },
  idempotency_unknown: {
    status: 409,
    title: 'Outcome unknown',
    when: 'The outcome of the first request with this Idempotency-Key is not known: its node or the database failed meanwhile.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'Range not satisfiable',
    when: 'The file has no bytes in the requested range. `Content-Range` gives its size.',
  },
  body_too_large: { status: 413, title: 'Body too large', when: 'The body is larger than `maxRequestSize`.' },
  uri_too_long: { status: 414, title: 'URL too long', when: 'The request target is longer than 8 KiB.' },
  file_too_large: {
    status: 413,
    title: 'File too large',
    when: 'An uploaded file, or one of a part of the prompt, is larger than `maxFileSize`, or an image is larger than models take. `errors` names the part.',
  },
  unsupported_file_type: {
    status: 415,
    title: 'Unsupported file type',
    when: 'The content of a file is neither text nor a PDF, PNG, JPEG, GIF or WebP, or that of an `image` part is no image. `errors` names the part.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    when: 'The body is not `application/json` in UTF-8.',
  },
  misdirected_request: {
    status: 421,
    title: 'Misdirected request',
    when: 'The Host header names another server (DNS rebinding).',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    when: 'A field of the request is invalid. `errors` names each invalid field.',
  },
  not_supported_by_agent: {
    status: 422,
    title: 'Not supported by the agent',
    when: 'The agent of the session cannot apply an option of the prompt. `errors` names the option, and `GET /api/agents` lists what each agent can do.',
  },
  model_cannot_see: {
    status: 422,
    title: 'Model cannot see images',
    when: 'The prompt has an image, and its model takes only text. `errors` names the parts; `GET /api/models` says which models see.',
  },
  file_unreadable: {
    status: 422,
    title: 'File cannot be read',
    when: 'A PDF is damaged, encrypted or has no text, so it cannot be read as text. `errors` names the part.',
  },
  output_invalid: {
    status: 422,
    title: 'Answer does not match the format',
    when: 'The answer does not match `options.format`, even after two more tries. `response` has the last one.',
  },
  model_not_found: { status: 422, title: 'Model not found', when: 'The provider does not have this model.' },
  context_too_long: {
    status: 422,
    title: 'Context too long',
    when: 'The conversation exceeds the context window of the model, even after it was summarized.',
  },
  tool_failed: {
    status: 422,
    title: 'Tool failed',
    when: 'The tool ran and failed. `detail` gives the reason.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many failed attempts',
    when: 'Too many wrong API keys or signatures came from one address; see Retry-After. A valid one is never refused.',
  },
  key_limit_reached: {
    status: 429,
    title: 'Key limit reached',
    when: 'The API key has made as many requests, or sent as many prompts, as its `limits` permit per minute; see Retry-After. Nothing was started.',
  },
  trigger_limit_reached: {
    status: 429,
    title: 'Trigger limit reached',
    when: 'The trigger has started as many runs as its `limits` permit within a minute or an hour; see Retry-After.',
  },
  too_many_tests: {
    status: 429,
    title: 'Too many tests',
    when: 'The webhook was tested more than 10 times within a minute; see Retry-After.',
  },
  too_many_run_webhooks: {
    status: 429,
    title: 'Too many run webhooks',
    when: 'Too many webhooks created for a single run (`webhook` of a prompt) are still in use; see Retry-After.',
  },
  too_many_runs: {
    status: 429,
    title: 'Too many runs',
    when: 'The run queue of the session, the API key or the server is full; see Retry-After.',
  },
  too_many_messages: {
    status: 429,
    title: 'Too many messages',
    when: 'Too many messages wait for the next step of the run; see Retry-After.',
  },
  too_many_waiting_runs: {
    status: 429,
    title: 'Too many waiting runs',
    when: 'Too many runs of the API key, or in total, are waiting for approval; see Retry-After.',
  },
  model_rate_limited: {
    status: 429,
    title: 'Model rate limited',
    when: 'The provider limits the rate of requests, and no fallback model was available; see Retry-After.',
  },
  headers_too_large: { status: 431, title: 'Headers too large', when: 'The headers are larger than 16 KiB.' },
  loop_detected: {
    status: 508,
    title: 'Loop detected',
    when: 'The request was triggered by a chain of webhooks of this server (X-CodeBuddy-Hop is 3 or more).',
  },
  client_closed_request: {
    status: 499,
    title: 'Client closed request',
    when: 'The client disconnected before the answer was sent. Appears only in logs.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    when: 'The server or a handler of the host application failed. The log has the cause under the request id.',
  },
  model_auth_failed: {
    status: 502,
    title: 'Model key refused',
    when: 'The API key for the provider is missing or was refused.',
  },
  model_refused: {
    status: 502,
    title: 'Model refused',
    when: 'The provider refused the request. `detail` quotes its answer.',
  },
  model_unavailable: {
    status: 502,
    title: 'Model unavailable',
    when: 'The provider cannot be reached or fails, and no fallback model was available.',
  },
  agent_auth_required: {
    status: 502,
    title: 'Agent not signed in',
    when: 'The agent needs a sign-in of its own. `detail` says how to sign in.',
  },
  agent_unavailable: {
    status: 502,
    title: 'Agent unavailable',
    when: 'The program of the agent is missing, could not be started, ended in the middle of its work, or broke the protocol.',
  },
  agent_did_not_ask: {
    status: 502,
    title: 'Agent did not ask',
    when: 'The agent changed a file without asking for the permission that the mode or a deny rule requires. The run was ended.',
  },
  model_bad_response: {
    status: 502,
    title: 'Invalid model response',
    when: 'The model or its provider sent an invalid or empty answer, or the model made only malformed tool calls in five steps in a row.',
  },
  handler_not_configured: {
    status: 503,
    title: 'Handler not configured',
    when: 'The host application has not set the handler that this route needs.',
  },
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    when: 'The store cannot be used: the disk is read-only or failing, or the database cannot be reached. Nothing was changed, unless `detail` says otherwise.',
  },
  node_unavailable: {
    status: 503,
    title: 'Node unavailable',
    when: 'The node that works on the run or the webhook has stopped, or does not answer. Another node takes over, and the run can be resumed; see Retry-After.',
  },
  resources_exhausted: {
    status: 503,
    title: 'Resources exhausted',
    when: 'The server has run out of file handles, processes or memory; see Retry-After.',
  },
  sandbox_unavailable: {
    status: 503,
    title: 'Sandbox unavailable',
    when: 'The command needs the sandbox, which is missing or could not be set up. The command did not run.',
  },
  shutting_down: { status: 503, title: 'Shutting down', when: 'The server is stopping.' },
  too_many_connections: {
    status: 503,
    title: 'Too many connections',
    when: 'The limit on open connections or stream readers is reached: for the server, the address or the API key.',
  },
  model_timeout: {
    status: 504,
    title: 'Model timed out',
    when: 'The model sent nothing for `modelSilenceMs`, and no fallback model was available.',
  },
  agent_timeout: {
    status: 504,
    title: 'Agent timed out',
    when: 'The agent did not start in time, or sent nothing for its `silenceMs` in the middle of its work.',
  },
  unanswered: {
    status: 504,
    title: 'Nobody answered',
    when: 'Nobody answered a permission or a question within `permissionTimeoutMs`, and `onUnanswered` is `fail`. As the outcome of a tool call: nobody answered in time.',
  },
  run_timeout: { status: 504, title: 'Run timed out', when: 'The run took longer than its `timeoutMs`.' },
  uploads_full: {
    status: 507,
    title: 'No room for files',
    when: 'The kept files take up `maxStoredFiles` together. Delete some, or raise the limit.',
  },
  storage_full: {
    status: 507,
    title: 'Disk full',
    when: 'The disk of the store is full. Nothing was changed.',
  },
} as const satisfies Record<string, ProblemKind>;

/** The stable, machine-readable code of a problem. */
export type ProblemCode = keyof typeof table;

/** All problems by code. */
export const problems: Readonly<Record<ProblemCode, ProblemKind>> = table;

/** True if `code` is in the table. */
export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(table, code);
}

/**
 * One invalid field. `pointer` is an RFC 6901 JSON Pointer from the root of the part that `in` names: `/options/model`.
 * `message` completes a sentence about the field: `must be a string`.
 */
export interface FieldError {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly message: string;
}

/** Fields named by one error. More would make the answer larger than the request. */
const maxErrors = 100;
const maxPointerLength = 500;
const maxErrorLength = 1000;
/** The length of the longest tool result: the model reads the whole error of a tool. */
const maxDetailLength = 65_536;

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/**
 * An error for the client. `message` becomes `detail`; `code` selects the status and title from the table. Long texts
 * are cut.
 *
 * @example
 * server.onToolExecute = async (tool) => {
 *   throw new CodeBuddyError('tool_not_found', `Tool "${tool}" not found.`);
 * };
 */
export class CodeBuddyError extends Error {
  override readonly name = 'CodeBuddyError';
  readonly code: ProblemCode;
  /** The invalid fields of a `validation_failed`, at most 100. */
  readonly errors: readonly FieldError[] | undefined;
  /** The last answer, with `output_invalid`. */
  readonly response: string | undefined;
  /** Response headers of the problem, such as `Retry-After` or `Allow`. */
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      cause?: unknown;
      errors?: readonly FieldError[];
      headers?: Readonly<Record<string, string>>;
      response?: string;
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
    this.response = options.response;
  }

  /** The HTTP status of `code`. */
  get status(): number {
    return problems[this.code].status;
  }
}

/** Codes of the operating system for: no file handle, process or memory left. */
const exhaustionCodes: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Translates an error of an exhausted system, or one with such a cause, to `resources_exhausted`. Undefined for any
 * other error.
 */
export function exhaustionOf(error: unknown): CodeBuddyError | undefined {
  let one = error;
  for (let depth = 0; depth < 8 && one instanceof Error; depth++) {
    if (one instanceof CodeBuddyError && one.code === 'resources_exhausted') return one;
    const { code, syscall } = one as NodeJS.ErrnoException;
    // Starting a process fails with EAGAIN when there are too many.
    const isProcess = code === 'EAGAIN' && syscall?.startsWith('spawn') === true;
    // Node's module loader reports it in the message only.
    if (exhaustionCodes.has(code) || isProcess || one.message.includes('too many open files')) {
      return new CodeBuddyError(
        'resources_exhausted',
        `The server has run out of ${code === 'ENOMEM' ? 'memory' : isProcess ? 'processes' : 'file handles'} (${code ?? 'EMFILE'}). Try again later, or raise its limits (ulimit).`,
        { cause: error, headers: { 'Retry-After': '5' } },
      );
    }
    one = one.cause;
  }
  return undefined;
}
