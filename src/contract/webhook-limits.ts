// The limits and defaults of a webhook's fields. The engine checks them, and the CLI before any request.

export const webhookLimits = {
  name: { minLength: 1, maxLength: 200 },
  description: { minLength: 0, maxLength: 1000 },
  /** Retries after the first attempt. */
  retryCount: { minimum: 0, maximum: 100, default: 21 },
  /** Milliseconds before the first retry. */
  retryDelay: { minimum: 100, maximum: 3_600_000, default: 1000 },
  /** Milliseconds that one attempt may take. */
  timeout: { minimum: 1000, maximum: 60_000, default: 15_000 },
} as const;
