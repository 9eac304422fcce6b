// Text as PostgreSQL can keep it. A text of PostgreSQL has no U+0000, so that is written as two characters, with U+0010 as
// the escape character. Neither is ever found in JSON, so JSON is kept as it is. Lone surrogates become U+FFFD, as in
// SQLite.

const escaped = { nul: '\u00100', escape: '\u00101' };

export function encodeText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  if (!wellFormed.includes('\u0000') && !wellFormed.includes('\u0010')) return wellFormed;
  return wellFormed.replaceAll('\u0010', escaped.escape).replaceAll('\u0000', escaped.nul);
}

export function decodeText(text: string): string {
  if (!text.includes('\u0010')) return text;
  return text.replaceAll(escaped.nul, '\u0000').replaceAll(escaped.escape, '\u0010');
}
