/**
 * True if the pattern matches the whole text. The wildcard matches any text, everything else matches itself. Linear in
 * the text.
 */
export function fitsText(pattern: string, text: string, wildcard = '*'): boolean {
  if (!pattern.includes(wildcard)) return pattern === text;
  const pieces = pattern.split(wildcard);
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
