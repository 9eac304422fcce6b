// A file that a session has changed.

import { count, nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** Why a change has no diff. */
export const noDiffReasons = [
  'binary',
  'too_large',
  'no_before_image',
  'not_a_file',
  'permission_denied',
  'insufficient_scope',
  'other_workspace',
] as const;

const nullableCount = { type: ['integer', 'null'], minimum: 0 } as const;

export const sessionChangeSchema = {
  type: 'object',
  title: 'SessionChange',
  description: 'A file that a session has changed: how it was before the first change, and how it is now.',
  properties: {
    path: { ...text, description: 'Relative to the workspace, with `/`.' },
    change: { type: 'string', enum: ['created', 'modified', 'deleted'] },
    additions: { ...nullableCount, description: 'Added lines; null without a diff.' },
    deletions: { ...nullableCount, description: 'Removed lines; null without a diff.' },
    diff: {
      ...nullableText,
      description:
        'The unified diff. Null if there is none; `noDiff` says why. Empty if only the mode has changed.',
    },
    noDiff: {
      type: 'string',
      enum: noDiffReasons,
      description:
        'Why there is no diff. `insufficient_scope`: diffs show the content of files, which needs a key with the scope `tools`. `other_workspace`: another node, or another folder, has the file. `no_before_image`: the content before the change was not kept, or is not kept any more.',
    },
    renamedFrom: {
      ...nullableText,
      description: 'For a created file, the path of a deleted file that had the same content; else null.',
    },
    oldMode: {
      ...nullableText,
      description: 'The permission bits before, such as `0755`; null if it was no file.',
    },
    newMode: { ...nullableText, description: 'The permission bits now; null if it is no file.' },
    oldBytes: nullableCount,
    newBytes: nullableCount,
    tools: {
      type: 'array',
      items: text,
      description: 'The tools that changed it; `agent` for another agent.',
    },
    changedSince: {
      type: 'boolean',
      description: 'True if someone else has changed the file after the session: an undo does not touch it.',
    },
    undoable: { type: 'boolean' },
    firstChangedAt: time,
    lastChangedAt: time,
    changes: { ...count, description: 'How often the session has changed it.' },
  },
  required: [
    'path',
    'change',
    'additions',
    'deletions',
    'diff',
    'renamedFrom',
    'oldMode',
    'newMode',
    'oldBytes',
    'newBytes',
    'tools',
    'changedSince',
    'undoable',
    'firstChangedAt',
    'lastChangedAt',
    'changes',
  ],
  additionalProperties: false,
} as const;

export type SessionChange = SchemaType<typeof sessionChangeSchema>;
export type NoDiffReason = (typeof noDiffReasons)[number];
