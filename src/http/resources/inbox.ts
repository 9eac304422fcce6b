// The routes of the inbox: what runs wait for, and the answers to questions and to calls of callers' tools. Permissions
// have their own route (permissions.ts).

import { type InboxItem, inboxItemSchema, inboxKinds } from '../../contract/inbox.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import { type QuestionAnswer, questionAnswerSchema, questionSchema } from '../../contract/question.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import { type ToolCallResult, toolCallResultSchema, toolCallSchema } from '../../contract/tool-call.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const listQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    kind: { type: 'string', enum: inboxKinds, description: 'Only items of this kind.' },
    sessionId: { type: 'string', maxLength: 128, description: 'Only items of this session.' },
    runId: { type: 'string', maxLength: 128, description: 'Only items of this run.' },
  },
  additionalProperties: false,
} as const;

const stillPending = 'Another node works on the run and has not answered yet. The item is still pending.';

/** The routes of the inbox; none without an inbox service. */
export function inboxRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { inbox } = context.services;
  if (inbox === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/inbox',
      operationId: 'listInbox',
      summary: 'List what runs wait for, oldest first.',
      description:
        'Permissions, questions of the agent, and calls of tools of callers. Decide a permission with `POST /api/permissions/{id}`, answer a question with `POST /api/questions/{id}`, and a call with `POST /api/tool-calls/{id}`.',
      scope: 'read',
      schema: {
        querystring: listQuerySchema,
        response: { 200: pageSchema('items', inboxItemSchema) },
      },
      handler: async (request) => {
        const { kind, sessionId, runId, ...query } = request.query as SchemaType<typeof listQuerySchema>;
        const page = await inbox.list({
          ...pageRequest('inbox', query),
          ...(kind === undefined ? {} : { kind }),
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(runId === undefined ? {} : { runId }),
        });
        return { items: page.items, nextCursor: nextCursorOf('inbox', page) };
      },
    },
    {
      method: 'POST',
      path: '/api/questions/:id',
      operationId: 'answerQuestion',
      summary: 'Answer a question of the agent.',
      scope: 'prompt',
      schema: {
        params: idParamsSchema,
        body: questionAnswerSchema,
        response: { 200: questionSchema, 202: questionSchema },
      },
      docs: {
        descriptions: { 202: stillPending },
        errors: [
          'question_not_found',
          'question_resolved',
          'node_unavailable',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const item = await inbox.answer(id, { kind: 'question', value: request.body as QuestionAnswer });
        const question = of(item, 'question').question;
        if (question.status === 'pending') reply.code(202);
        return question;
      },
    },
    {
      method: 'POST',
      path: '/api/tool-calls/:id',
      operationId: 'answerToolCall',
      summary: "Give the result of a call of the caller's tool.",
      scope: 'prompt',
      schema: {
        params: idParamsSchema,
        body: toolCallResultSchema,
        response: { 200: toolCallSchema, 202: toolCallSchema },
      },
      docs: {
        descriptions: { 202: stillPending },
        errors: [
          'tool_call_not_found',
          'tool_call_resolved',
          'node_unavailable',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request, reply) => {
        const { id } = request.params as SchemaType<typeof idParamsSchema>;
        const item = await inbox.answer(id, { kind: 'tool_call', value: request.body as ToolCallResult });
        const { toolCall } = of(item, 'tool_call');
        if (toolCall.status === 'pending') reply.code(202);
        return toolCall;
      },
    },
  ];
}

function of<K extends InboxItem['kind']>(item: InboxItem, kind: K): Extract<InboxItem, { readonly kind: K }> {
  if (item.kind !== kind) throw new TypeError(`The inbox gave a ${item.kind} instead of a ${kind}.`);
  return item as Extract<InboxItem, { readonly kind: K }>;
}
