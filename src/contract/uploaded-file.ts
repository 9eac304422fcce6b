// A file that prompts may carry: uploaded, or kept from a prompt that carried its bytes or its path.

import { count, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** The images that models take. */
export const imageTypes = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;
export type ImageType = (typeof imageTypes)[number];

export const fileTypes = [...imageTypes, 'application/pdf', 'text/plain'] as const;
export type FileType = (typeof fileTypes)[number];

/**
 * Bytes of an image, at most. Anthropic refuses an image of more than 5 MiB in base64, and would then refuse each later
 * prompt of the session.
 */
export const maxImageBytes = 3_932_160;
/** Pixels of each side of an image, at most. */
export const maxImageSide = 8000;

export const uploadedFileSchema = {
  type: 'object',
  title: 'UploadedFile',
  description: 'A file that prompts may carry.',
  properties: {
    id: text,
    name: text,
    mediaType: {
      type: 'string',
      enum: fileTypes,
      description: 'As found in its content, whatever the client said.',
    },
    size: { ...count, description: 'In bytes.' },
    sha256: { ...text, description: 'In hex.' },
    createdAt: time,
    expiresAt: { ...time, description: 'When it is deleted, like the events of its day.' },
  },
  required: ['id', 'name', 'mediaType', 'size', 'sha256', 'createdAt', 'expiresAt'],
  additionalProperties: false,
} as const;

export type UploadedFile = SchemaType<typeof uploadedFileSchema>;
