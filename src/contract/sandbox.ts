// The sandbox: how commands of the agent run, as `GET /api/status` and permissions describe it.

import type { SchemaType } from './schema-type.ts';

/**
 * `required`: commands run in the sandbox or not at all. `auto`: they run without it where it is missing or cannot
 * work. `off`: they always run without it.
 */
export const sandboxModes = ['required', 'auto', 'off'] as const;
export type SandboxMode = (typeof sandboxModes)[number];

/**
 * `missing`: bubblewrap is not installed. `unavailable`: it cannot work here. `failed`: it was slow or failed, and is
 * tried again. `checking`: not known yet.
 */
export const sandboxStatuses = ['works', 'missing', 'unavailable', 'failed', 'off', 'checking'] as const;
export type SandboxStatus = (typeof sandboxStatuses)[number];

/** How a command runs. */
export const isolations = ['bubblewrap', 'none'] as const;
export type Isolation = (typeof isolations)[number];

export const sandboxSchema = {
  type: 'object',
  description: 'How commands run. Absent if the host application answers prompts itself.',
  properties: {
    mode: { type: 'string', enum: sandboxModes, description: 'The setting.' },
    status: {
      type: 'string',
      enum: sandboxStatuses,
      description:
        '`missing`: bubblewrap is not installed. `unavailable`: it cannot work here. `failed`: it was slow or failed, and is tried again. ' +
        '`checking`: not known yet.',
    },
    detail: { type: 'string', description: 'One line for people.' },
  },
  required: ['mode', 'status', 'detail'],
  additionalProperties: false,
} as const;

export type SandboxDescription = SchemaType<typeof sandboxSchema>;
