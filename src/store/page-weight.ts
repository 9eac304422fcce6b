// Pages are limited by their text too, not only by their number of rows: 200 messages may have 200 MiB.

/** The most text in a page that is answered or copied at once, in UTF-16 units. */
export const maxPageText = 4 * 1024 * 1024;

interface Weighed {
  readonly content?: string;
  readonly details?: string;
  readonly data?: string;
}

function weightOf({ content = '', details = '', data = '' }: Weighed): number {
  return content.length + details.length + data.length;
}

/** The first rows, until their text reaches `maxText`; at least one, if there is one. */
export function takeRows<Raw, T extends Weighed>(
  raw: Iterable<Raw>,
  toRow: (one: Raw) => T,
  maxText: number = Number.POSITIVE_INFINITY,
): readonly T[] {
  const rows: T[] = [];
  let text = 0;
  for (const one of raw) {
    const row = toRow(one);
    rows.push(row);
    text += weightOf(row);
    if (text >= maxText) break;
  }
  return rows;
}

/** Whether `takeRows` stopped because of the text, so that more rows may follow. */
export function isCutByText(rows: readonly Weighed[], maxText: number = maxPageText): boolean {
  let text = 0;
  for (const row of rows) text += weightOf(row);
  return text >= maxText;
}
