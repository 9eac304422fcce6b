// Permission modes: which tools a run may use without asking. From the strictest to the laxest.

export const permissionModes = ['read-only', 'ask', 'auto-edit', 'full'] as const;
export type PermissionMode = (typeof permissionModes)[number];
