// Tracks changes in memory while the store is read. If the result of a delivery is committed during a read, the read may
// return the delivery as it was before, and it is no longer in memory: without this, it would be sent and counted twice.

export interface StoreRead {
  /** Whether the delivery has left memory since the read began, so that its row may be outdated. */
  hasLeft(id: string): boolean;
  /** The earliest due time of deliveries that began to wait since the read began; undefined if there are none. */
  readonly firstDueAt: number | undefined;
  /** May be called twice. */
  end(): void;
}

export interface StoreReads {
  start(): StoreRead;
  left(id: string): void;
  waitsUntil(time: number): void;
}

export function createStoreReads(): StoreReads {
  const open = new Set<{ readonly left: Set<string>; firstDueAt: number | undefined }>();

  return {
    start() {
      const read = { left: new Set<string>(), firstDueAt: undefined as number | undefined };
      open.add(read);
      return {
        hasLeft: (id) => read.left.has(id),
        get firstDueAt() {
          return read.firstDueAt;
        },
        end: () => void open.delete(read),
      };
    },
    left(id) {
      for (const { left } of open) left.add(id);
    },
    waitsUntil(time) {
      for (const read of open) read.firstDueAt = Math.min(read.firstDueAt ?? time, time);
    },
  };
}
