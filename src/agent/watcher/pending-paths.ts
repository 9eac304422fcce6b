// Paths where something has happened, each held back for the settle time: what came and went within it is never looked at as it was.

export class PendingPaths {
  readonly #settleMs: number;
  readonly #onDue: (paths: readonly string[]) => void;
  readonly #waiting = new Set<string>();
  /** In the order in which they are due. */
  #groups: { readonly dueAt: number; readonly paths: string[] }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(settleMs: number, onDue: (paths: readonly string[]) => void) {
    this.#settleMs = settleMs;
    this.#onDue = onDue;
  }

  add(path: string): void {
    // It is looked at once it is due, however often it changes before: a file that is written to all the time is told too.
    if (this.#waiting.has(path)) return;
    this.#waiting.add(path);
    const dueAt = performance.now() + this.#settleMs;
    const last = this.#groups.at(-1);
    // Those that come at nearly the same time go together.
    if (last !== undefined && dueAt - last.dueAt < this.#settleMs / 5) last.paths.push(path);
    else this.#groups.push({ dueAt, paths: [path] });
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#groups = [];
    this.#waiting.clear();
  }

  #arm(): void {
    const first = this.#groups[0];
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#release();
        this.#arm();
      },
      Math.max(1, first.dueAt - performance.now()),
    );
  }

  #release(): void {
    const now = performance.now();
    const later = this.#groups.findIndex(({ dueAt }) => dueAt > now);
    const due = this.#groups.splice(0, later === -1 ? this.#groups.length : later).flatMap(({ paths }) => paths);
    for (const path of due) this.#waiting.delete(path);
    if (due.length > 0) this.#onDue(due);
  }
}
