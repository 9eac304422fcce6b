// Small schemas that the other schemas are built from.

export const text = { type: 'string' } as const;
export const nullableText = { type: ['string', 'null'] } as const;
export const flag = { type: 'boolean' } as const;
export const count = { type: 'integer', minimum: 0 } as const;
/** Milliseconds. */
export const duration = { type: 'number', minimum: 0 } as const;
/** RFC 3339 UTC with milliseconds. */
export const time = { type: 'string', format: 'date-time' } as const;
export const nullableTime = { type: ['string', 'null'], format: 'date-time' } as const;
export const nullableCost = {
  type: ['number', 'null'],
  description: 'US dollars; null if unknown.',
} as const;
