// Arranges the steps of many callers in few batches: each batch is one statement for many rows. Steps that do not depend
// on each other share a level; a step that touches or needs what an earlier one changes comes at least one level later.

import { type Append, type JsonRow, type StepKind, stepKinds, type WriteProgram } from './encode-writes.ts';

export interface Batch {
  readonly kind: StepKind;
  readonly rows: readonly JsonRow[];
}

export interface WritePlan {
  /** To be run in this order. */
  readonly batches: readonly Batch[];
  readonly appends: readonly Append[];
}

/** The last level at which a thing was changed, and at which it was needed. */
interface Use {
  changed: number;
  changedBy: StepKind | undefined;
  needed: number;
}

/** Several of these for one row are one batch: they are applied in their order. */
const foldable: ReadonlySet<StepKind> = new Set(['patchSession', 'patchRun']);

export function planWrites(callers: readonly WriteProgram[]): WritePlan {
  const uses = new Map<string, Use>();
  const levels: Map<StepKind, JsonRow[]>[] = [];
  const useOf = (name: string): Use => {
    let use = uses.get(name);
    if (use === undefined) {
      use = { changed: -1, changedBy: undefined, needed: -1 };
      uses.set(name, use);
    }
    return use;
  };
  for (const { kind, row, touches, needs } of callers.flatMap(({ steps }) => steps)) {
    const touched = touches.map(useOf);
    const needed = needs.map(useOf);
    let level = 0;
    for (const { changed, changedBy, needed } of touched) {
      const isFolded = changedBy === kind && foldable.has(kind) && needed < changed;
      level = Math.max(level, isFolded ? changed : changed + 1, needed + 1);
    }
    for (const { changed } of needed) level = Math.max(level, changed + 1);
    for (const use of touched) {
      use.changed = level;
      use.changedBy = kind;
    }
    for (const use of needed) use.needed = Math.max(use.needed, level);
    while (levels.length <= level) levels.push(new Map());
    const batches = levels[level] as Map<StepKind, JsonRow[]>;
    const rows = batches.get(kind);
    if (rows === undefined) batches.set(kind, [row]);
    else rows.push(row);
  }
  return {
    batches: levels.flatMap((batches) =>
      stepKinds.flatMap((kind) => {
        const rows = batches.get(kind);
        return rows === undefined ? [] : [{ kind, rows }];
      }),
    ),
    appends: callers.flatMap(({ appends }) => appends),
  };
}
