// The routes of the dashboard: one page and its assets, which scripts/bundle-web.cjs builds. They need no key and contain
// no data; the page signs in and reads everything over the API.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodeBuddyError } from '../../base/errors.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

/** Only code of this server runs, and no other server is asked for anything. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const mediaTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  html: 'text/html; charset=utf-8',
};
/** The bundler names assets so. The name contains a hash of the content. */
const assetName = /^[\w-]+\.(js|css|svg)$/;

/** The routes of the dashboard; none without a built dashboard. */
export function dashboardRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { dashboard } = services;
  if (dashboard === undefined) return [];

  async function send(request: FastifyRequest, reply: FastifyReply, file: string): Promise<FastifyReply> {
    const isPacked = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const content = await read(join(dashboard as string, isPacked ? `${file}.gz` : file));
    if (isPacked) reply.header('Content-Encoding', 'gzip');
    reply.header('Vary', 'Accept-Encoding').type(mediaTypes[file.split('.').at(-1) ?? ''] ?? 'text/plain');
    return reply.send(content);
  }

  return [
    {
      method: 'GET',
      path: '/',
      operationId: 'getDashboard',
      summary: 'Get the dashboard, a web page.',
      scope: 'open',
      docs: { content: { 200: { 'text/html': { type: 'string', description: 'A web page.' } } } },
      handler: (request, reply) => {
        reply.header('Content-Security-Policy', contentSecurityPolicy).header('Cache-Control', 'no-cache');
        return send(request, reply, 'index.html');
      },
    },
    {
      method: 'GET',
      path: '/assets/*',
      operationId: 'getDashboardAsset',
      summary: 'Get a file of the dashboard.',
      scope: 'open',
      schema: { params: { type: 'object', properties: { '*': { type: 'string' } } } },
      docs: { isHidden: true },
      handler: (request, reply) => {
        const name = (request.params as { readonly '*': string })['*'];
        if (!assetName.test(name)) throw noFile();
        reply.header('Cache-Control', 'public, max-age=31536000, immutable');
        return send(request, reply, `assets/${name}`);
      },
    },
  ];
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw noFile();
    throw error;
  }
}

function noFile(): CodeBuddyError {
  return new CodeBuddyError('not_found', 'The dashboard has no such file. Load the page again.');
}
