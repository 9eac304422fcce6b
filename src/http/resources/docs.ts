// The routes of the API's description: the OpenAPI document and the docs page. They need no key and contain no secrets.

import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

const documentSchema = {
  type: 'object',
  description: 'An OpenAPI 3.1 document.',
  additionalProperties: true,
} as const;

/** The routes of the API's description. */
export function docsRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      summary: 'Get the OpenAPI 3.1 document of this API.',
      scope: 'open',
      docs: { content: { 200: { 'application/json': documentSchema } } },
      handler: async (_request, reply) =>
        reply.type('application/json; charset=utf-8').send(await context.openApi()),
    },
    {
      method: 'GET',
      path: '/docs',
      operationId: 'getDocs',
      summary: 'Get the reference of this API as a web page.',
      scope: 'open',
      docs: { content: { 200: { 'text/html': { type: 'string', description: 'A web page.' } } } },
      handler: async (_request, reply) => {
        // Loaded on the first request: most processes never serve the page.
        const { docsPage } = await import('../docs/docs-page.ts');
        const { html, contentSecurityPolicy } = docsPage(context);
        return reply
          .header('Content-Security-Policy', contentSecurityPolicy)
          .type('text/html; charset=utf-8')
          .send(html);
      },
    },
  ];
}
