// Drops a connection at once. `end` would wait for the statements under way.

import type pg from 'pg';

/** Not in the driver's types. */
interface WithConnection {
  readonly connection: { readonly stream: { destroy(): void } };
}

export function destroyConnection(client: pg.ClientBase): void {
  // The driver calls this end unexpected. Without a listener its error would end the process.
  client.on('error', () => undefined);
  (client as unknown as WithConnection).connection.stream.destroy();
}
