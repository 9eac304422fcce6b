// Answers of added routes with their own status and headers. The status is only ever set explicitly, with `reply()`: it
// is never read from data that happens to have a field of that name.

/** An answer with its own status and headers. Create it with `reply()`. */
export class ApiReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>>) {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new TypeError(`reply: the status must be a whole number from 200 to 599, not ${String(status)}`);
    if (body !== undefined && (status === 204 || status === 205 || status === 304))
      throw new TypeError(`reply: an answer with status ${status} cannot have a body`);
    if (typeof headers !== 'object' || headers === null)
      throw new TypeError('reply: the headers must be an object of strings');
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/**
 * Creates an answer with its own status and headers, for handlers of `addRoute`.
 *
 * @param status 200 to 599
 * @param body sent as JSON; a string or bytes are sent unchanged if `headers` has a `Content-Type`. @default no body
 * @param headers @default none
 * @throws TypeError if the status is invalid, or cannot have a body (204, 205, 304)
 * @example
 * server.addRoute('GET', '/api/jobs/:id', ({ params }) =>
 *   jobs.get(params.id) ?? reply(404, { error: 'Job not found.' }));
 */
export function reply(
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): ApiReply {
  return new ApiReply(status, body, headers);
}
