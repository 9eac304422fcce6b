// The request and response headers of /openapi.json, each declared once and referred to by name.

const text = { type: 'string' } as const;

const requestHeaders = {
  'Idempotency-Key': {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description:
      'A request with the same key and body within 24 h gets the first answer again. Another body gets a 409.',
  },
  Range: { type: 'string', description: 'One range of bytes, such as `bytes=0-999`.' },
  'If-Range': {
    type: 'string',
    description: 'The `ETag` that the file must still have for the range to apply.',
  },
  'If-None-Match': { type: 'string', description: 'Answers 304 if the file still has this `ETag`.' },
  'Last-Event-ID': {
    type: 'string',
    pattern: '^\\d{0,16}$',
    description:
      'Resume a stream after this sequence number. Browsers send it when they reconnect. Takes precedence over `after`.',
  },
  Prefer: {
    type: 'string',
    description:
      'With `respond-async`, the answer is an immediate 202 and the run continues without the client (RFC 7240). With `detach`, a stream begins and the run continues if the client disconnects. Other preferences are ignored.',
    examples: ['respond-async', 'detach'],
  },
  'X-CodeBuddy-Session': {
    type: 'string',
    minLength: 1,
    maxLength: 256,
    description: 'The session to continue: its id, or a name of your own, which is created at its first use.',
  },
  'X-OpenWebUI-Chat-Id': {
    type: 'string',
    maxLength: 256,
    description: 'The chat of Open WebUI, which sends it with `ENABLE_FORWARD_USER_INFO_HEADERS=true`.',
  },
} as const;

/** The name of a documented request header. */
export type RequestHeaderName = keyof typeof requestHeaders;

const responseHeaders = {
  'X-Request-Id': {
    description:
      "The id of the request: the client's own if it sent a valid one. Logs and problems contain it.",
    schema: text,
  },
  Location: {
    description: 'The URL of the created object, or of the run in progress.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  'Preference-Applied': {
    description: '`respond-async` or `detach` if the request asked for it.',
    schema: text,
  },
  'Idempotency-Replayed': {
    description: '`true` if this is a repeated answer to an Idempotency-Key.',
    schema: { type: 'string', enum: ['true'] },
  },
  ETag: { description: 'Changes with each change of the file.', schema: text },
  'Last-Modified': { description: 'When the file was last changed.', schema: text },
  'Accept-Ranges': { description: '`bytes`.', schema: text },
  'Content-Range': { description: 'The range that is sent, and the size of the file.', schema: text },
  'Content-Disposition': { description: 'The file name of the document.', schema: text },
  'X-CodeBuddy-Session': { description: 'The session of the answer.', schema: text },
  'X-CodeBuddy-Run': { description: 'The run of the answer.', schema: text },
  'Set-Cookie': { description: 'The cookie of the sign-in.', schema: text },
  'Retry-After': {
    description: 'Seconds to wait before the next attempt, if the server knows.',
    schema: { type: 'integer', minimum: 0 },
  },
  RateLimit: {
    description:
      'For a key with `limits`: for each limit, `r`, what is left, and `t`, the seconds until there is one more. https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/',
    schema: { type: 'string', examples: ['"requests";r=59;t=1, "prompts";r=10;t=6'] },
  },
  'RateLimit-Policy': {
    description: 'For a key with `limits`: for each limit, `q`, what the key may use in `w` seconds.',
    schema: { type: 'string', examples: ['"requests";q=60;w=60, "prompts";q=10;w=60'] },
  },
  'WWW-Authenticate': { description: '`Bearer`.', schema: text },
} as const;

/** The name of a documented response header. */
export type ResponseHeaderName = keyof typeof responseHeaders;

/** The JSON Schema of the header parameters of a route; undefined if there are none. */
export function headersSchema(names: readonly RequestHeaderName[]): object | undefined {
  if (names.length === 0) return undefined;
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, requestHeaders[name]])),
  };
}

/** The headers of every answer. `isLimited`: the caller may have a key with limits. */
export function commonHeaders(isLimited: boolean): readonly ResponseHeaderName[] {
  return isLimited ? ['X-Request-Id', 'RateLimit-Policy', 'RateLimit'] : ['X-Request-Id'];
}

/** `headers` of a response object. */
export function headerRefs(names: readonly ResponseHeaderName[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** `components.headers` for the used names. */
export function headerComponents(used: ReadonlySet<string>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(responseHeaders).filter(([name]) => used.has(name)));
}
