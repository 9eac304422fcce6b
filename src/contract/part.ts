// The parts of a prompt beside its text: more text, images and files.

import { count, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { fileTypes } from './uploaded-file.ts';

export const partTypes = ['text', 'image', 'file'] as const;
export const maxParts = 32;

/** As clients send it. */
export const partInputSchema = {
  type: 'object',
  title: 'PartInput',
  description:
    'A text, or an image or a file from one source: `fileId`, `url` or `path`. The type of a file is found in its content.',
  properties: {
    type: { type: 'string', enum: partTypes },
    text: { type: 'string', minLength: 1, maxLength: 1_048_576, description: 'Only for `text`.' },
    fileId: { type: 'string', minLength: 1, maxLength: 128, description: 'The id of an uploaded file.' },
    url: { type: 'string', minLength: 1, description: 'A `data:` URL. No other URL is loaded.' },
    path: {
      type: 'string',
      minLength: 1,
      maxLength: 4096,
      description: 'A file of the workspace. Its content is kept as it is now.',
    },
    name: { type: 'string', minLength: 1, maxLength: 255, description: 'Default: that of the file.' },
  },
  required: ['type'],
  additionalProperties: false,
} as const;

export type PartInput = SchemaType<typeof partInputSchema>;

/** As messages and events show it. */
export const partSchema = {
  type: 'object',
  title: 'Part',
  description: 'A text, or an image or a file: `GET /api/files/{fileId}/content` has its bytes.',
  properties: {
    type: { type: 'string', enum: partTypes },
    text: { type: 'string', description: 'Only of `text`.' },
    fileId: text,
    name: text,
    mediaType: { type: 'string', enum: fileTypes },
    size: { ...count, description: 'In bytes.' },
    sha256: text,
  },
  required: ['type'],
  additionalProperties: false,
} as const;

export type Part = SchemaType<typeof partSchema>;

export const partsSchema = { type: 'array', items: partSchema } as const;
