// A permission: a tool call that needs a decision, and the decision.

import type { PageRequest } from './page.ts';
import { nullableTime, text, time } from './primitives.ts';
import { isolations } from './sandbox.ts';
import type { SchemaType } from './schema-type.ts';

/** `allow_always`: the same call is also allowed from now on in this session. */
export const decisions = ['allow', 'allow_always', 'deny'] as const;
export type Decision = (typeof decisions)[number];

/** How a request for a permission ended: by a decision, at its time limit, or with the run. */
export type Settlement = Decision | 'expired' | 'run_ended';

export const permissionStatuses = ['pending', 'allowed', 'denied'] as const;

export const permissionSchema = {
  type: 'object',
  title: 'Permission',
  description: 'A tool call that waits, or waited, for a decision.',
  properties: {
    id: text,
    runId: text,
    sessionId: text,
    callId: {
      type: 'string',
      description:
        'The call that waits: `tool.start` or `tool.error` has the same id. Absent if another agent runs the call.',
    },
    tool: text,
    params: { type: 'object', additionalProperties: true },
    rule: { type: 'string', description: 'The rule that `allow_always` adds to this session.' },
    alwaysCovers: { type: 'string', description: 'What `allow_always` allows, in words.' },
    realPath: {
      type: 'string',
      description: 'File tools only: the file behind all links, relative to the workspace.',
    },
    reason: text,
    sandbox: {
      enum: [...isolations, null],
      description: 'How the command runs if it is allowed. Null for tools that run no command.',
    },
    status: { type: 'string', enum: permissionStatuses },
    createdAt: time,
    expiresAt: {
      ...nullableTime,
      description:
        'Without a decision, the call is denied at this time, or the run fails. Null: it waits for ever.',
    },
  },
  required: [
    'id',
    'runId',
    'sessionId',
    'tool',
    'params',
    'rule',
    'reason',
    'status',
    'createdAt',
    'expiresAt',
  ],
  additionalProperties: false,
} as const;

export type Permission = SchemaType<typeof permissionSchema>;

/** The body of `POST /api/permissions/{id}`. */
export const permissionDecisionSchema = {
  type: 'object',
  title: 'PermissionDecision',
  properties: {
    decision: {
      type: 'string',
      enum: decisions,
      description:
        '`allow_always` also allows exactly the same call again in this session, for the same API key and for keys with the scope `tools`.',
    },
    reason: {
      type: 'string',
      maxLength: 1000,
      description: 'Passed to the model, and to the event `permission.resolved`.',
    },
  },
  required: ['decision'],
  additionalProperties: false,
} as const;

export type PermissionDecision = SchemaType<typeof permissionDecisionSchema>;

export interface PermissionFilter {
  readonly sessionId?: string;
  readonly runId?: string;
}

export type PermissionQuery = PermissionFilter & PageRequest;

/** Since the start of the process. */
export interface PermissionStats {
  readonly pending: number;
  readonly requested: number;
  readonly resolved: Readonly<Record<Settlement, number>>;
}
