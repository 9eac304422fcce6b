// The bytes of recent payloads, so that what was just committed is sent without being read back, and an event with a hundred webhooks is
// held once. Bounded by bytes; what falls out is read from the store.

export interface PayloadCache {
  get(sequence: number): Uint8Array | undefined;
  put(sequence: number, body: Uint8Array): void;
}

export function createPayloadCache(maxBytes: number = 8 * 1024 * 1024): PayloadCache {
  const bodies = new Map<number, Uint8Array>();
  let bytes = 0;
  return {
    get: (sequence) => bodies.get(sequence),
    put(sequence, body) {
      if (bodies.has(sequence)) return;
      bodies.set(sequence, body);
      bytes += body.length;
      for (const [oldest, { length }] of bodies) {
        if (bytes <= maxBytes) return;
        bodies.delete(oldest);
        bytes -= length;
      }
    },
  };
}
