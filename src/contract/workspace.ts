// A workspace: the folder that the tools of a session may read and change. A git worktree is one with a branch of its
// own, which the server creates for a session.

import { count, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/**
 * What becomes of a worktree when its session is deleted. `ifChanged`: it is removed unless it has uncommitted changes
 * or commits of its own.
 */
export const worktreeEndings = ['always', 'ifChanged', 'never'] as const;
export type WorktreeEnding = (typeof worktreeEndings)[number];

const keep = {
  type: 'string',
  enum: worktreeEndings,
  description:
    'Whether the folder is kept when the session is deleted. `ifChanged` removes it, and its branch, if it has neither uncommitted changes nor commits of its own. `never` removes the folder, and first commits uncommitted changes to the branch. A branch with commits of its own is always kept.',
} as const;

/** The fields that choose where a new session works. */
export const workspaceInputProperties = {
  workspace: {
    type: 'string',
    minLength: 1,
    maxLength: 4096,
    description:
      'The folder that the tools of the session work in: in one of the `workspaceRoots` of the server. A relative path is relative to the workspace of the server. It cannot be changed later. Default: the workspace of the server.',
  },
  worktree: {
    anyOf: [
      { type: 'boolean' },
      {
        type: 'object',
        properties: {
          branch: {
            type: 'string',
            minLength: 1,
            maxLength: 200,
            description: 'The name of the new branch. Default: `codebuddy/` and a name of its own.',
          },
          base: {
            type: 'string',
            minLength: 1,
            maxLength: 200,
            description: 'The commit, branch or tag to start from. Default: the current commit.',
          },
          keep: { ...keep, description: `${keep.description} Default: \`ifChanged\`.` },
        },
        additionalProperties: false,
      },
    ],
    description:
      'Give the session a git worktree of the workspace: a folder and a branch of its own. `true`: with the defaults.',
  },
} as const;

export type WorktreeInput = SchemaType<typeof workspaceInputProperties.worktree>;

export const sessionWorktreeSchema = {
  type: 'object',
  properties: {
    path: { ...text, description: 'The folder of the worktree. The workspace is the folder, or one in it.' },
    branch: text,
    base: { ...text, description: 'The commit that it started from.' },
    keep,
    source: { ...text, description: 'The folder that it was made from.' },
  },
  required: ['path', 'branch', 'base', 'keep', 'source'],
  additionalProperties: false,
} as const;

export type SessionWorktree = SchemaType<typeof sessionWorktreeSchema>;

/** `missing`: the folder is not on this node. `not_allowed`: it is outside of `workspaceRoots` now. */
export const workspaceStatuses = ['ready', 'missing', 'not_allowed'] as const;

export const workspaceSchema = {
  type: 'object',
  title: 'Workspace',
  description: 'A folder that sessions work in.',
  properties: {
    path: text,
    isDefault: { type: 'boolean', description: 'Whether it is the workspace of the server.' },
    status: { type: 'string', enum: workspaceStatuses },
    sessions: { ...count, description: 'Number of sessions that work in it.' },
    git: {
      type: ['object', 'null'],
      description: 'Its state in git. Null if it is not in a repository, or if git did not answer in time.',
      properties: {
        branch: { ...nullableText, description: 'Null if no branch is checked out.' },
        isDirty: { type: 'boolean', description: 'Whether it has uncommitted changes.' },
      },
      required: ['branch', 'isDirty'],
      additionalProperties: false,
    },
    worktree: {
      type: ['object', 'null'],
      description: 'The worktree that the server created. Null for other folders.',
      properties: sessionWorktreeSchema.properties,
      required: sessionWorktreeSchema.required,
      additionalProperties: false,
    },
  },
  required: ['path', 'isDefault', 'status', 'sessions', 'git', 'worktree'],
  additionalProperties: false,
} as const;

export type Workspace = SchemaType<typeof workspaceSchema>;

export const workspacesSchema = {
  type: 'object',
  title: 'Workspaces',
  properties: {
    roots: {
      type: 'array',
      items: text,
      description: 'Folders that sessions may work in, or in folders of: those of this node.',
    },
    workspaces: {
      type: 'array',
      items: workspaceSchema,
      description: 'The workspace of the server, then those of sessions, the last used first; at most 200.',
    },
  },
  required: ['roots', 'workspaces'],
  additionalProperties: false,
} as const;

export type Workspaces = SchemaType<typeof workspacesSchema>;
