// Read the JSON column of a row. The error names the row if a failing disk or another program damaged it.

/** A stored row whose JSON cannot be read. The message names the table and the row, never its content. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError';

  constructor(table: string, id: string, cause: unknown) {
    super(`row ${JSON.stringify(id)} of table "${table}" is damaged: it does not hold valid JSON`, { cause });
  }
}

/**
 * Parse JSON that this program wrote. Its shape is trusted.
 * @throws DamagedRowError if the text is not a JSON object or array
 */
export function parseRowJson<T extends object>(table: string, id: string, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DamagedRowError(table, id, cause);
  }
  if (typeof value !== 'object' || value === null) throw new DamagedRowError(table, id, undefined);
  return value as T;
}
