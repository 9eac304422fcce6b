// The head of /openapi.json: what the API is, where it is, and what its tags mean.

import type { HttpContext } from '../context.ts';

const tagDescriptions: Readonly<Record<string, string>> = {
  health: 'Whether the process answers, and whether its parts are ready.',
  api: 'What there is.',
  status: 'The process and the agent in it.',
  metrics: 'Figures, as JSON and for Prometheus.',
  prompt: 'Ask the agent.',
  runs: 'The work on prompts.',
  permissions: 'Tools that wait for a person.',
  tools: 'Tools, with and without the agent.',
  sessions: 'Conversations and their messages.',
  events: 'The event log, as a stream or in pages.',
  'event-types': 'The catalogue of events.',
  'stream-tickets': 'Tickets with which a web page can follow a stream.',
  webhooks: 'Where events are sent, and which.',
  deliveries: 'Events on their way to webhooks.',
  keys: 'API keys and their scopes.',
  'openapi.json': 'This document.',
  docs: 'This document as a page to read.',
};

export function openApiHead(
  context: HttpContext,
  tags: readonly string[],
): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.0',
    info: {
      title: context.name,
      version: context.version,
      description:
        'A coding agent behind a local HTTP API. Errors are RFC 9457 problem documents; times are RFC 3339 UTC. ' +
        'Every answer has an `X-Request-Id`. Lists take `limit` (1 to 200) and `cursor`.',
      contact: { name: 'The maintainers of Code Buddy API' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: '/', description: 'The server that this document came from.' },
      {
        url: 'http://{host}:{port}',
        description: 'A server on this machine, for documents that were saved.',
        variables: {
          host: { default: '127.0.0.1', description: 'A loopback address, or one of `allowedHosts`.' },
          port: { default: String(context.port() ?? 3847), description: 'The port that it listens on.' },
        },
      },
    ],
    tags: tags.map((name) => ({
      name,
      description: tagDescriptions[name] ?? 'Routes that the host application has added.',
    })),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'A ticket of `POST /api/stream-tickets`: for one stream, within 60 s.',
        },
      },
    },
  };
}
