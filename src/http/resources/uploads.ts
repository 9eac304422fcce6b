// The routes of the files that prompts carry: upload one, look at it, get its bytes, delete it.

import { CodeBuddyError } from '../../base/errors.ts';
import { idParamsSchema } from '../../contract/page.ts';
import { fileTypes, uploadedFileSchema } from '../../contract/uploaded-file.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import { onlyChange } from '../pipeline/idempotency.ts';
import type { RouteDefinition } from '../route.ts';

const binary = { type: 'string', format: 'binary' } as const;

/** The routes of uploads; none without the service. */
export function uploadRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { uploads } = services;
  if (uploads === undefined) return [];
  return [
    {
      method: 'POST',
      path: '/api/files',
      operationId: 'uploadFile',
      summary: 'Upload an image or a file for prompts.',
      description:
        'The body is the file itself, of any media type; the type is found in its content: text, PDF, PNG, JPEG, GIF or WebP. `maxFileSize` limits its size. A part of a prompt names it by `fileId`. It is deleted with the events of its day.',
      scope: 'prompt',
      idempotent: true,
      bytes: { maxBytes: uploads.maxFileSize },
      schema: {
        querystring: {
          type: 'object',
          properties: {
            name: { type: 'string', minLength: 1, maxLength: 255, description: 'The name of the file.' },
          },
          additionalProperties: false,
        },
        response: { 201: uploadedFileSchema },
      },
      docs: {
        requestTypes: ['application/octet-stream', ...fileTypes],
        responseHeaders: { 201: ['Location'] },
        errors: ['file_too_large', 'unsupported_file_type', 'uploads_full', ...storeErrors],
      },
      handler: async (request, reply) => {
        const { name } = request.query as { readonly name?: string };
        const file = await onlyChange(request, () => uploads.upload(bytesOf(request.body), name));
        reply.code(201).header('Location', `/api/files/${file.id}`);
        return file;
      },
    },
    {
      method: 'GET',
      path: '/api/files/:id',
      operationId: 'getUploadedFile',
      summary: 'Get the name, type and size of an uploaded file.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: uploadedFileSchema } },
      docs: { errors: ['upload_not_found'] },
      handler: (request) => uploads.get(idOf(request.params)),
    },
    {
      method: 'GET',
      path: '/api/files/:id/content',
      operationId: 'getUploadedFileContent',
      summary: 'Get the bytes of an uploaded file.',
      scope: 'read',
      schema: { params: idParamsSchema },
      docs: {
        content: { 200: Object.fromEntries(fileTypes.map((type) => [type, binary])) },
        descriptions: { 200: 'The file.' },
        responseHeaders: { 200: ['Content-Disposition'] },
        errors: ['upload_not_found'],
      },
      handler: async (request, reply) => {
        const { file, data } = await uploads.read(idOf(request.params));
        const type = file.mediaType === 'text/plain' ? 'text/plain; charset=utf-8' : file.mediaType;
        return (
          reply
            .type(type)
            .header('Content-Disposition', dispositionOf(file.name))
            // A browser that opens it must not run anything that is hidden in it.
            .header('Content-Security-Policy', "default-src 'none'; sandbox")
            .send(data)
        );
      },
    },
    {
      method: 'DELETE',
      path: '/api/files/:id',
      operationId: 'deleteUploadedFile',
      summary: 'Delete an uploaded file. Messages that carry it keep its name.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: ['upload_not_found', ...storeErrors] },
      handler: async (request, reply) => {
        await uploads.delete(idOf(request.params));
        return reply.code(204).send();
      },
    },
  ];
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  throw new CodeBuddyError('invalid_body', 'The body is empty; it must be the file.');
}

function idOf(params: unknown): string {
  return (params as { readonly id: string }).id;
}

/** RFC 6266, with the name in ASCII for old clients. */
function dispositionOf(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16)}`,
  );
  return `inline; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
