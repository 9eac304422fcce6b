// Escapes characters that a terminal obeys or hides: control characters, marks that change the direction of text, and characters without width.
// Text from elsewhere could use them to show the user something other than what will run.

// Line breaks, tabs and emoji selectors (U+FE0E, U+FE0F) are kept. So are Arabic number signs, which are visible although Unicode calls them
// format characters.
// redos: one character class without repetition; recheck does not parse the flag v
const hidden =
  /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\n\t\u{FE0E}\u{FE0F}\u{600}-\u{605}\u{6DD}\u{70F}\u{890}\u{891}\u{8E2}\u{110BD}\u{110CD}]]/gv;
const joiner = '\u200d';

/** Escapes them as `\x1b`, `\u202e` or `\u{e0041}`. Drops a carriage return before a line break. */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(hidden, (char, offset: number, whole: string) => {
    if (char === joiner && joinsEmoji(whole, offset)) return char;
    if (char === '\r') return '\\r';
    const hex = (char.codePointAt(0) as number).toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
  });
}

/** Escapes line breaks and tabs, too. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** Escapes these characters in JSON text without changing its value. */
export function visibleJson(json: string): string {
  return json.replace(hidden, (char, offset: number, whole: string) => {
    if (char === joiner && joinsEmoji(whole, offset)) return char;
    return Array.from({ length: char.length }, (_, at) => {
      return `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`;
    }).join('');
  });
}

/** Joiners combine emoji to families and professions. */
function joinsEmoji(text: string, at: number): boolean {
  return (
    /(?:\p{Extended_Pictographic}|\u{FE0F}|\p{Emoji_Modifier})$/u.test(text.slice(Math.max(0, at - 2), at)) &&
    /^\p{Extended_Pictographic}/u.test(text.slice(at + 1, at + 3))
  );
}
