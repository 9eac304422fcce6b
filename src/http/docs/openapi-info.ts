// The head of /openapi.json: info, servers, tags and security schemes.

import type { HttpContext } from '../context.ts';

const tagDescriptions: Readonly<Record<string, string>> = {
  health: 'Liveness and readiness.',
  api: 'The list of endpoints.',
  status: 'Status of the process, the agent and the webhooks.',
  metrics: 'Metrics as JSON and for Prometheus.',
  prompt: 'Prompts for the agent.',
  runs: 'Runs: the agent working on a prompt.',
  permissions: 'Tools that wait for approval.',
  tools: 'Tools of the agent, and running them directly.',
  sessions: 'Sessions (conversations) and their messages.',
  search: 'Full-text search over messages.',
  events: 'The event log, in pages or as a stream.',
  'event-types': 'The event types and their schemas.',
  'stream-tickets': 'Tickets that let a web page open a stream.',
  'sign-in': 'The sign-in of a browser.',
  'sign-in-codes': 'Codes that sign a browser in.',
  webhooks: 'Webhooks: URLs that receive events.',
  'webhook-figures': 'How the deliveries of the last day went.',
  deliveries: 'Deliveries: events sent to webhooks.',
  triggers: 'Triggers: calls and schedules that start runs.',
  keys: 'API keys and their scopes.',
  nodes: 'The nodes that share the database.',
  settings: 'The settings of the server and their origins.',
  agents: 'The agents that could answer.',
  models: 'The models that could answer.',
  openai: 'The agent in the form of the OpenAI API.',
  mcp: 'The MCP server.',
  'openapi.json': 'This document.',
  docs: 'This document as a web page.',
  root: 'The dashboard.',
};

/** The parts of the document that do not depend on the routes. */
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
        'A coding agent behind a local HTTP API. Errors are RFC 9457 problem documents. Times are RFC 3339 UTC. ' +
        'Every response has an `X-Request-Id`. Lists take `limit` (1 to 200) and `cursor`.',
      contact: { name: 'The maintainers of Code Buddy API' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: '/', description: 'The server of this document.' },
      {
        url: 'http://{host}:{port}',
        description: 'A server on this machine, for a saved document.',
        variables: {
          host: { default: '127.0.0.1', description: 'A loopback address, or one of `allowedHosts`.' },
          port: { default: String(context.port() ?? 3847), description: 'The port of the server.' },
        },
      },
    ],
    tags: tags.map((name) => ({
      name,
      description: tagDescriptions[name] ?? 'Routes of the host application.',
    })),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'A ticket of `POST /api/stream-tickets`. Valid for one stream within 60 s.',
        },
      },
    },
  };
}
