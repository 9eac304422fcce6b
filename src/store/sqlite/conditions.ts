// The WHERE clause of a statement with optional filters.

import type { SQLInputValue } from 'node:sqlite';

export interface Conditions {
  readonly texts: string[];
  /** The values of the placeholders, in their order. */
  readonly values: SQLInputValue[];
  /** Adds a condition with one placeholder; nothing if there is no value. */
  readonly where: (condition: string, value: SQLInputValue | undefined) => void;
}

export function createConditions(): Conditions {
  const texts: string[] = [];
  const values: SQLInputValue[] = [];
  return {
    texts,
    values,
    where(condition, value) {
      if (value === undefined) return;
      texts.push(condition);
      values.push(value);
    },
  };
}

/** ` WHERE … AND …`, or nothing without conditions. */
export function whereClause(texts: readonly string[]): string {
  return texts.length === 0 ? '' : ` WHERE ${texts.join(' AND ')}`;
}
