// Permission modes, from the strictest to the most permissive. The mode decides which tools a run may use without
// asking.

export const permissionModes = ['read-only', 'ask', 'auto-edit', 'full'] as const;
export type PermissionMode = (typeof permissionModes)[number];
