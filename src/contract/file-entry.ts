// A file or folder of the workspace.

import { nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const fileKinds = ['file', 'directory', 'link', 'other'] as const;

export const fileEntrySchema = {
  type: 'object',
  title: 'FileEntry',
  description: 'A file or folder of the workspace.',
  properties: {
    name: text,
    path: { ...text, description: 'Relative to the workspace, with `/`.' },
    kind: {
      type: 'string',
      enum: fileKinds,
      description: '`link`: a symbolic link, which is not followed. `other`: a pipe, a socket or a device.',
    },
    size: { type: ['integer', 'null'], minimum: 0, description: 'In bytes; null for anything but a file.' },
    modifiedAt: time,
    executable: { type: 'boolean' },
    linksTo: {
      ...nullableText,
      description:
        'For a link, the path in the workspace that it leads to; null if it leads out of the workspace or nowhere. Absent for anything but a link.',
    },
  },
  required: ['name', 'path', 'kind', 'size', 'modifiedAt', 'executable'],
  additionalProperties: false,
} as const;

export type FileEntry = SchemaType<typeof fileEntrySchema>;
