// Statements composed of fixed pieces (never of values), and the numbered placeholders in them.

import type { Statement } from './database.ts';

const names = new Map<string, Statement>();

/** A statement by its text. The same text always has the same name, so that each is prepared once. */
export function composed(text: string, options: { readonly arrays?: boolean } = {}): Statement {
  const key = `${options.arrays === true} ${text}`;
  let statement = names.get(key);
  if (statement === undefined) {
    statement = { name: `composed${names.size + 1}`, text, ...options };
    names.set(key, statement);
  }
  return statement;
}

/** The WHERE clause of a statement with optional filters, and the values of all its placeholders. */
export interface Conditions {
  readonly texts: string[];
  readonly list: unknown[];
  /** Adds a value and returns its placeholder. */
  readonly add: (value: unknown) => string;
  /** Adds a condition with one value, whose place is `?`; nothing if there is no value. */
  readonly where: (condition: string, value: unknown) => void;
}

export function createConditions(): Conditions {
  const texts: string[] = [];
  const list: unknown[] = [];
  const add = (value: unknown): string => `$${list.push(value)}`;
  return {
    texts,
    list,
    add,
    where(condition, value) {
      if (value !== undefined) texts.push(condition.replace('?', () => add(value)));
    },
  };
}

/** ` WHERE … AND …`, or nothing without conditions. */
export function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}
