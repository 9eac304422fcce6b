// The trace that an event belongs to, which its deliveries continue: traceparent and, after a space, tracestate.

export const tracesMigration = `
  ALTER TABLE payloads ADD COLUMN trace text;
`;
