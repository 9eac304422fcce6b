// Reports on standard error how much was read, if reading takes longer than a second: as one line that changes on a
// terminal, as a line every 5 s otherwise.

export interface ReadProgress {
  /** Counts items that were read, and shows the counts if they are due. */
  read(what: string, count: number): void;
  /** Removes the line. */
  end(): void;
}

export interface ReadProgressOptions {
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  /** In ms. */
  readonly now: () => number;
}

const silentMs = 1000;
const terminalEveryMs = 100;
const lineEveryMs = 5000;

export function createReadProgress({ isTerminal, write, now }: ReadProgressOptions): ReadProgress {
  const counts = new Map<string, number>();
  let nextAt = now() + silentMs;
  let isShown = false;
  return {
    read(what, count) {
      counts.set(what, (counts.get(what) ?? 0) + count);
      if (now() < nextAt) return;
      nextAt = now() + (isTerminal ? terminalEveryMs : lineEveryMs);
      const text = `Reading: ${[...counts].map(([name, read]) => `${read} ${name}`).join(', ')}…`;
      write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
      isShown = true;
    },
    end() {
      if (isTerminal && isShown) write('\r\x1b[K');
      isShown = false;
    },
  };
}
