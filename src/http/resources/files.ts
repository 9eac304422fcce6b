// The routes of the workspace's files.

import { CodeBuddyError } from '../../base/errors.ts';
import { fileEntrySchema } from '../../contract/file-entry.ts';
import { pageQueryProperties, pageSchema } from '../../contract/page.ts';
import { flag, text } from '../../contract/primitives.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import { answerWithFile } from '../file-answer.ts';
import type { FileService } from '../file-service.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const path = { type: 'string', minLength: 1, maxLength: 4096 } as const;
const sessionId = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  description: 'Use the workspace of this session. Default: the workspace of the server.',
} as const;
const listQuerySchema = {
  type: 'object',
  properties: {
    path: { ...path, default: '.', description: 'A folder, relative to the workspace. Default: its root.' },
    sessionId,
    ...pageQueryProperties,
  },
  additionalProperties: false,
} as const;
const contentQuerySchema = {
  type: 'object',
  properties: { path: { ...path, description: 'A file, relative to the workspace.' }, sessionId },
  required: ['path'],
  additionalProperties: false,
} as const;
const pageOfFiles = pageSchema('files', fileEntrySchema);
const listSchema = {
  ...pageOfFiles,
  properties: {
    path: { ...text, description: 'The folder.' },
    ...pageOfFiles.properties,
    truncated: { ...flag, description: 'True if the folder has so many entries that some are missing.' },
  },
  required: ['path', ...pageOfFiles.required, 'truncated'],
} as const;
const fileErrors = [
  'session_not_found',
  'workspace_unavailable',
  'file_not_found',
  'outside_workspace',
  'permission_denied',
  'tool_failed',
  'handler_not_configured',
] as const;
const bytes = {
  type: 'string',
  format: 'binary',
  description: 'The content, with the media type of the file.',
};

/** The routes of files. */
export function fileRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  function service(): FileService {
    if (services.files !== undefined) return services.files;
    throw new CodeBuddyError('handler_not_configured', 'This server has no workspace.');
  }

  return [
    {
      method: 'GET',
      path: '/api/files',
      operationId: 'listFiles',
      summary: 'List the entries of a folder of the workspace, folders first.',
      description:
        'One level of the tree. Ignored files and those that a deny rule withholds are left out. Links are not followed. On several nodes, each lists its own workspace.',
      scope: 'read',
      schema: { querystring: listQuerySchema, response: { 200: listSchema } },
      docs: { errors: fileErrors },
      handler: async (request) => {
        const {
          path: folder = '.',
          sessionId: id,
          ...query
        } = request.query as SchemaType<typeof listQuerySchema>;
        const list = id === undefined ? `files of ${folder}` : `files of ${id} in ${folder}`;
        const page = await service().list(folder, pageRequest(list, query), id);
        return {
          path: page.path,
          files: page.items,
          nextCursor: nextCursorOf(list, page),
          truncated: page.truncated,
        };
      },
    },
    {
      method: 'GET',
      path: '/api/files/content',
      operationId: 'getFileContent',
      summary: 'Get the content of a file of the workspace.',
      description:
        'Supports `Range` (one range), `If-Range`, `If-None-Match` and `If-Modified-Since`. HTML, SVG, XML and PDF are sent as attachments. No content runs scripts as a page of this server. The scope is that of the tool `read_file`.',
      scope: 'tools',
      schema: { querystring: contentQuerySchema },
      docs: {
        content: {
          200: { 'application/octet-stream': bytes, 'text/plain': { type: 'string' } },
          206: { 'application/octet-stream': bytes, 'text/plain': { type: 'string' } },
        },
        descriptions: {
          200: 'The whole file.',
          206: 'The part of the file that was asked for.',
          304: 'The file has the `ETag` that was sent.',
        },
        requestHeaders: ['Range', 'If-Range', 'If-None-Match'],
        responseHeaders: {
          200: ['ETag', 'Last-Modified', 'Accept-Ranges', 'Content-Disposition'],
          206: ['ETag', 'Last-Modified', 'Accept-Ranges', 'Content-Range', 'Content-Disposition'],
          304: ['ETag', 'Last-Modified'],
        },
        errors: [...fileErrors, 'range_not_satisfiable'],
      },
      handler: async (request, reply) => {
        const { path: file, sessionId: id } = request.query as SchemaType<typeof contentQuerySchema>;
        return answerWithFile(request, reply, await service().open(file, id));
      },
    },
  ];
}
