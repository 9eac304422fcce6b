// The API's own description: OpenAPI for programs, a page for people. Open without a key; neither holds a secret.

import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

const documentSchema = {
  type: 'object',
  description: 'An OpenAPI 3.1 document.',
  additionalProperties: true,
} as const;

export function docsRoutes(context: HttpContext): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      summary: 'This API as OpenAPI 3.1',
      scope: 'open',
      docs: { content: { 200: { 'application/json': documentSchema } } },
      handler: async (_request, reply) =>
        reply.type('application/json; charset=utf-8').send(await context.openApi()),
    },
    {
      method: 'GET',
      path: '/docs',
      operationId: 'getDocs',
      summary: 'This API as a page to read',
      scope: 'open',
      docs: { content: { 200: { 'text/html': { type: 'string', description: 'The page.' } } } },
      handler: async (_request, reply) => {
        // Loaded when first asked for: most processes never serve it.
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
