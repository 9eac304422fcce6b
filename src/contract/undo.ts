// An undo: a session goes back to before one of its prompts, with its files. A redo takes it back.

import { count, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** Why a file is left as it is. */
export const undoRefusals = [
  'changed_since',
  'no_before_image',
  'unknown_state',
  'not_a_file',
  'permission_denied',
  'other_workspace',
  'failed',
] as const;
export type UndoRefusal = (typeof undoRefusals)[number];

export const undoneFileSchema = {
  type: 'object',
  title: 'UndoneFile',
  properties: {
    path: { ...text, description: 'Relative to the workspace, with `/`.' },
    outcome: {
      type: 'string',
      enum: ['restored', 'removed', 'unchanged', 'refused'],
      description:
        '`restored`: it has its earlier content and permission bits. `removed`: it did not exist before. `unchanged`: it was as it should be already. `refused`: nothing of it was touched.',
    },
    reason: {
      type: 'string',
      enum: undoRefusals,
      description:
        'Why it was refused. `changed_since`: someone else has changed it after the session. `no_before_image`: its earlier content was not kept (it was too large, or ignored) or is not kept any more. `unknown_state`: the server stopped while the session changed it. `other_workspace`: another node, or another folder, has the file.',
    },
    message: { ...text, description: 'The reason in words.' },
  },
  required: ['path', 'outcome'],
  additionalProperties: false,
} as const;

export type UndoneFile = SchemaType<typeof undoneFileSchema>;

export const undoResultSchema = {
  type: 'object',
  title: 'UndoResult',
  properties: {
    undoId: { ...nullableText, description: 'The id of the undo; null for a dry run.' },
    messageId: { ...text, description: 'The prompt that the session is back before, or that is back.' },
    messages: { ...count, description: 'How many messages were hidden, or brought back.' },
    files: { type: 'array', items: undoneFileSchema },
    redoable: { ...count, description: 'How many undos a redo can take back from here, one at a time.' },
    dryRun: { type: 'boolean', description: 'True if nothing was changed.' },
  },
  required: ['undoId', 'messageId', 'messages', 'files', 'redoable', 'dryRun'],
  additionalProperties: false,
} as const;

export type UndoResult = SchemaType<typeof undoResultSchema>;

const dryRun = {
  type: 'boolean',
  default: false,
  description: 'Only say what would be done to each file.',
} as const;

/** The body of `POST /api/sessions/{id}/undo`. */
export const undoInputSchema = {
  type: 'object',
  properties: {
    messageId: {
      type: 'string',
      maxLength: 128,
      description: 'A prompt of the session: a message with the role `user`. Default: the last one.',
    },
    dryRun,
  },
  additionalProperties: false,
} as const;

export type UndoInput = SchemaType<typeof undoInputSchema>;

/** The body of `POST /api/sessions/{id}/redo`. */
export const redoInputSchema = {
  type: 'object',
  properties: { dryRun },
  additionalProperties: false,
} as const;

export type RedoInput = SchemaType<typeof redoInputSchema>;
