/** The value of a setting in a table. */
export function shownValue(value: unknown): string {
  if (value === null) return '-';
  const text =
    typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value as string);
  return text === '' || text === '{}' ? '(none)' : text;
}
