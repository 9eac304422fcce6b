// How a session came in, as people read it.

import type { Session } from '../../../src/client/web.ts';

export const originNames: Readonly<Record<Session['origin'], string>> = {
  rest: 'the HTTP API',
  openai: 'the OpenAI-compatible API',
  mcp: 'MCP',
  trigger: 'a trigger',
};
