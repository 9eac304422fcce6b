/** The first member that is a text or a number: of the parameters of a tool, usually the path or the command. */
export function firstValueOf(params: unknown): string {
  if (typeof params !== 'object' || params === null) return '';
  const value = Object.values(params).find((one) => typeof one === 'string' || typeof one === 'number');
  return value === undefined ? '' : String(value);
}
