// The rows of new events, numbered from 1, for the statements that end a transaction.

import type { Append } from './encode-writes.ts';

export interface AppendRows {
  readonly count: number;
  /** JSON arrays; undefined without rows. */
  readonly events: string;
  readonly payloads: string | undefined;
  readonly deliveries: string | undefined;
}

export function appendRows(appends: readonly Append[]): AppendRows {
  const payloads = appends.flatMap(({ payload }, index) =>
    payload === undefined ? [] : [{ ...payload, sequence: index + 1 }],
  );
  const deliveries = appends.flatMap((append, index) =>
    append.deliveries.map((delivery) => ({ ...delivery, sequence: index + 1 })),
  );
  return {
    count: appends.length,
    events: JSON.stringify(appends.map(({ event }) => event)),
    payloads: payloads.length === 0 ? undefined : JSON.stringify(payloads),
    deliveries: deliveries.length === 0 ? undefined : JSON.stringify(deliveries),
  };
}
