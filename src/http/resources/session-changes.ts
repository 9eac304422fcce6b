// The routes of what a session has changed: its files, undo and redo.

import { CodeBuddyError } from '../../base/errors.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { sessionChangeSchema } from '../../contract/session-change.ts';
import {
  type RedoInput,
  redoInputSchema,
  type UndoInput,
  undoInputSchema,
  undoResultSchema,
} from '../../contract/undo.ts';
import type { HttpContext } from '../context.ts';
import type { FileService } from '../file-service.ts';
import { callerOf } from '../pipeline/caller.ts';
import { onlyChange } from '../pipeline/idempotency.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const querySchema = { type: 'object', properties: pageQueryProperties, additionalProperties: false } as const;
const writeErrors = [
  'session_not_found',
  'session_busy',
  'permission_denied',
  'workspace_unavailable',
  'handler_not_configured',
  'storage_unavailable',
  'storage_full',
] as const;

/** The routes of changes, undo and redo. */
export function sessionChangeRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  function service(): FileService {
    if (services.files !== undefined) return services.files;
    throw new CodeBuddyError('handler_not_configured', 'This server records no changes of files.');
  }

  return [
    {
      method: 'GET',
      path: '/api/sessions/:id/changes',
      operationId: 'listSessionChanges',
      summary: 'List the files that a session has changed, by path.',
      description:
        'Compares each file with its content before the first change of the session. Files that are as before are left out, so a page may have fewer items than `limit`. Diffs need a key with the scope `tools`.',
      scope: 'read',
      schema: {
        params: idParamsSchema,
        querystring: querySchema,
        response: { 200: pageSchema('changes', sessionChangeSchema) },
      },
      docs: {
        errors: [
          'session_not_found',
          'workspace_unavailable',
          'handler_not_configured',
          'storage_unavailable',
        ],
      },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const query = request.query as SchemaType<typeof querySchema>;
        const list = `changes of ${id}`;
        const page = await service().changes(id, {
          ...pageRequest(list, query),
          showsContent: callerOf(request).mayUseTools,
        });
        return { changes: page.items, nextCursor: nextCursorOf(list, page) };
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/:id/undo',
      operationId: 'undoSession',
      summary: 'Undo: take a session and its files back to before a prompt.',
      description:
        'Hides the prompt and all later messages, and restores the files that the session has changed since. Each file is judged by itself: one that someone else has changed since is refused and left as it is; `files` has the outcome of each. `POST /api/sessions/{id}/redo` takes it back, until the next prompt. If the server stops in the middle, send it again: it finishes the work.',
      scope: 'tools',
      idempotent: true,
      schema: { params: idParamsSchema, body: undoInputSchema, response: { 200: undoResultSchema } },
      docs: { errors: [...writeErrors, 'nothing_to_undo'] },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const input = (request.body ?? {}) as UndoInput;
        return onlyChange(request, () => service().undo(id, input));
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/:id/redo',
      operationId: 'redoSession',
      summary: 'Redo: take back the last undo of a session.',
      description:
        'Brings back the messages and the files of the last undo. Files that someone else has changed since are refused and left as they are. A new prompt makes undos final.',
      scope: 'tools',
      idempotent: true,
      schema: { params: idParamsSchema, body: redoInputSchema, response: { 200: undoResultSchema } },
      docs: { errors: [...writeErrors, 'nothing_to_redo'] },
      handler: async (request) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const input = (request.body ?? {}) as RedoInput;
        return onlyChange(request, () => service().redo(id, input));
      },
    },
  ];
}
