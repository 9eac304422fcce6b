// The inbox: everything that runs wait for. People decide permissions and answer questions; the caller of a prompt
// answers the calls of its own tools.

import type { PageRequest } from './page.ts';
import { type PermissionDecision, permissionSchema } from './permission.ts';
import { type QuestionAnswer, questionSchema } from './question.ts';
import type { SchemaType } from './schema-type.ts';
import { type ToolCallResult, toolCallSchema } from './tool-call.ts';

export const inboxKinds = ['permission', 'question', 'tool_call'] as const;
export type InboxKind = (typeof inboxKinds)[number];

/** `permission`, `question` or `toolCall`, as `kind` says. */
export const inboxItemSchema = {
  title: 'InboxItem',
  description: 'Something that a run waits for. `kind` names the field that has it.',
  anyOf: [
    {
      type: 'object',
      properties: { kind: { type: 'string', enum: ['permission'] }, permission: permissionSchema },
      required: ['kind', 'permission'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: { kind: { type: 'string', enum: ['question'] }, question: questionSchema },
      required: ['kind', 'question'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: { kind: { type: 'string', enum: ['tool_call'] }, toolCall: toolCallSchema },
      required: ['kind', 'toolCall'],
      additionalProperties: false,
    },
  ],
} as const;

export type InboxItem = SchemaType<Pick<typeof inboxItemSchema, 'anyOf'>>;

export interface InboxFilter {
  readonly kind?: InboxKind;
  readonly sessionId?: string;
  readonly runId?: string;
}

export type InboxQuery = InboxFilter & PageRequest;

type One<K extends InboxKind> = Extract<InboxItem, { readonly kind: K }>;
export type InboxContent =
  | One<'permission'>['permission']
  | One<'question'>['question']
  | One<'tool_call'>['toolCall'];

/** The permission, question or call of an item. */
export function contentOf(item: InboxItem): InboxContent {
  switch (item.kind) {
    case 'permission':
      return item.permission;
    case 'question':
      return item.question;
    case 'tool_call':
      return item.toolCall;
  }
}

/** The answer to an item of this kind. */
export type InboxAnswer =
  | { readonly kind: 'permission'; readonly value: PermissionDecision }
  | { readonly kind: 'question'; readonly value: QuestionAnswer }
  | { readonly kind: 'tool_call'; readonly value: ToolCallResult };
