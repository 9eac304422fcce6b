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

/** The values of a statement's placeholders. */
export interface Values {
  readonly list: unknown[];
  /** Adds a value and returns its placeholder. */
  readonly add: (value: unknown) => string;
}

export function createValues(): Values {
  const list: unknown[] = [];
  return { list, add: (value) => `$${list.push(value)}` };
}

/** ` WHERE … AND …`, or nothing without conditions. */
export function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}
