// Headers of requests and answers, as /openapi.json describes them. Each is written once and referred to by name.

const text = { type: 'string' } as const;

const requestHeaders = {
  'Idempotency-Key': {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'The same key and body within 24 h get the first answer again; another body, 409.',
  },
  'Last-Event-ID': {
    type: 'string',
    pattern: '^\\d{0,16}$',
    description:
      'Resumes a stream after this sequence number. Browsers send it when they reconnect; it goes before `after`.',
  },
  Prefer: {
    type: 'string',
    description:
      '`respond-async` answers 202 at once and leaves the run to itself (RFC 7240). Other preferences are ignored.',
    examples: ['respond-async'],
  },
} as const;

export type RequestHeaderName = keyof typeof requestHeaders;

const responseHeaders = {
  'X-Request-Id': {
    description: "The id of the request: the client's own if it sent a sane one. Logs and problems name it.",
    schema: text,
  },
  Location: {
    description: 'Where the thing that was made, or is being worked on, can be read.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  'Preference-Applied': { description: '`respond-async` if it was asked for.', schema: text },
  'Idempotency-Replayed': {
    description: '`true` if this is the first answer to the Idempotency-Key, given again.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Content-Disposition': { description: 'A file name to save it under.', schema: text },
  'Retry-After': {
    description: 'Seconds after which it is worth trying again, where the server knows.',
    schema: { type: 'integer', minimum: 0 },
  },
  'WWW-Authenticate': { description: '`Bearer`.', schema: text },
} as const;

export type ResponseHeaderName = keyof typeof responseHeaders;

/** The JSON Schema of a route's header parameters; undefined if it has none. */
export function headersSchema(names: readonly RequestHeaderName[]): object | undefined {
  if (names.length === 0) return undefined;
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, requestHeaders[name]])),
  };
}

/** `headers` of a response object. */
export function headerRefs(names: readonly ResponseHeaderName[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** `components.headers`, of the names that are used. */
export function headerComponents(used: ReadonlySet<string>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(responseHeaders).filter(([name]) => used.has(name)));
}
