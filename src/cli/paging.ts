// The flags of every command that lists pages: --limit and --cursor.

import type { Command } from 'commander';
import { limits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { wholeNumber } from './option-values.ts';
import { paint, print } from './output.ts';

export interface PageOptions {
  readonly limit: number;
  readonly cursor?: string;
}

const { minimum, maximum, default: defaultLimit } = limits.page;

export function withPaging(command: Command): Command {
  return command
    .addOption(
      new Flag('--limit <n>', `number of items, ${minimum} to ${maximum}`, {
        field: 'limit',
        parse: wholeNumber('--limit', limits.page),
        defaultValue: defaultLimit,
      }),
    )
    .addOption(new Flag('--cursor <cursor>', 'continue after the previous page', { field: 'cursor' }));
}

/** The query parameters of the page. */
export function pageQuery({ limit, cursor }: PageOptions): { limit: number; cursor?: string } {
  return { limit, ...(cursor === undefined ? {} : { cursor }) };
}

export function printNextPage(nextCursor: string | null | undefined): void {
  if (nextCursor) print(paint('dim', `Next page: --cursor ${nextCursor}`));
}
