// The limits of the API's fields that flags check before any request.

export const limits = {
  page: { minimum: 1, maximum: 200 },
  keyName: { minLength: 1, maxLength: 100 },
  sessionTitle: { minLength: 1, maxLength: 200 },
  permissionReason: { minLength: 0, maxLength: 1000 },
  maxSteps: { minimum: 1, maximum: 1000 },
  timeoutMs: { minimum: 1, maximum: 86_400_000 },
  webhookName: { minLength: 1, maxLength: 200 },
  webhookDescription: { minLength: 0, maxLength: 1000 },
  retryCount: { minimum: 0, maximum: 100 },
  retryDelay: { minimum: 100, maximum: 3_600_000 },
  webhookTimeout: { minimum: 1000, maximum: 60_000 },
} as const;

export const scopes = ['read', 'prompt', 'tools', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export const runStatuses = [
  'queued',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
  'interrupted',
] as const;

export const deliveryStatuses = ['pending', 'success', 'failed', 'cancelled'] as const;

export const permissionModes = ['read-only', 'ask', 'auto-edit', 'full'] as const;

export const exportFormats = ['json', 'markdown'] as const;
