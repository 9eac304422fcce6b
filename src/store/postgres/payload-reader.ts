// Reads payloads that are asked for one by one: those that are asked for while a statement is under way are read together
// by the next one. A node that catches up would otherwise make a round trip for each delivery.

export type ReadPayloads = (sequences: readonly number[]) => Promise<ReadonlyMap<number, Uint8Array>>;

type Asked = PromiseWithResolvers<Uint8Array | undefined>;

const maxAtOnce = 128;

export function createPayloadReader(
  read: ReadPayloads,
): (sequence: number) => Promise<Uint8Array | undefined> {
  const waiting = new Map<number, Asked>();
  let isReading = false;

  async function readAll(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, maxAtOnce);
      for (const [sequence] of batch) waiting.delete(sequence);
      try {
        const found = await read(batch.map(([sequence]) => sequence));
        for (const [sequence, { resolve }] of batch) resolve(found.get(sequence));
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    isReading = false;
  }

  return (sequence) => {
    const asked: Asked = waiting.get(sequence) ?? Promise.withResolvers();
    waiting.set(sequence, asked);
    if (!isReading) {
      isReading = true;
      // Requests of this turn of the event loop are read together.
      setImmediate(() => void readAll());
    }
    return asked.promise;
  };
}
