/** Shows control and invisible characters as `\\u{…}`, so that a command looks like what it is. Keeps line breaks. */
export function visible(text: string): string {
  return text.replace(/\p{C}|\p{Default_Ignorable_Code_Point}|[\u2028\u2029\u2800]/gu, (character) =>
    character === '\n' ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
