// What a host's route answers when the body alone is not enough. The status of an answer is always given on purpose: it is never read from data
// that happens to have a field of that name.

/** Made by `reply()`; nothing else is one. */
export class ApiReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>>) {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new TypeError(
        `reply: the status must be a whole number from 200 to 599; it is ${String(status)}`,
      );
    if (body !== undefined && (status === 204 || status === 205 || status === 304))
      throw new TypeError(`reply: an answer with the status ${status} has no body`);
    if (typeof headers !== 'object' || headers === null)
      throw new TypeError('reply: the headers must be an object of texts');
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/**
 * An answer with a status and headers of its own, for handlers of `addRoute`.
 *
 * @param body sent as JSON; a string or bytes with a `Content-Type` of its own as they are
 * @example
 * server.addRoute('GET', '/api/jobs/:id', ({ params }) => jobs.get(params.id) ?? reply(404, { error: 'no such job' }));
 * @throws TypeError if the status is not one, or has no body
 */
export function reply(
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): ApiReply {
  return new ApiReply(status, body, headers);
}
