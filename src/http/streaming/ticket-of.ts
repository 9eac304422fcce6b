/** The ticket in a request target; undefined unless there is exactly one. */
export function ticketOf(url: string): string | undefined {
  const start = url.indexOf('?');
  if (start < 0 || !url.includes('ticket=', start)) return undefined;
  const given = new URLSearchParams(url.slice(start)).getAll('ticket');
  return given.length === 1 && given[0] !== '' ? given[0] : undefined;
}
