// Splits a command into words for allow rules. Only plain and quoted words mean the same in every shell. A command with
// anything else (redirections, substitutions, globs, braces, `~`, assignments, line breaks) is not plain, and only an
// exact rule can allow it.

export type Joint = '&&' | '||' | ';' | '|';

export interface PlainCommand {
  /** The words of each simple command, without quotes. */
  readonly commands: readonly (readonly string[])[];
  /** The operators between them. */
  readonly joints: readonly Joint[];
}

/** An unquoted star of a pattern. No command can contain it, since NUL cannot be passed to a shell. */
export const star = '\0';

const plain = /[\p{L}\p{N}\p{M}_./:@%+,=-]/u;
const control = /\p{Cc}/u;
const assignment = /^[A-Za-z_][A-Za-z0-9_]*\+?=/;

/**
 * Undefined if the command is not plain. `stars`: read unquoted `*` as the wildcard of a pattern; without it, `*` is a
 * glob.
 */
export function splitPlainCommand(
  text: string,
  { stars = false }: { readonly stars?: boolean } = {},
): PlainCommand | undefined {
  const commands: string[][] = [];
  const joints: Joint[] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (let i = 0; i < text.length; ) {
    const char = String.fromCodePoint(text.codePointAt(i) as number);
    if (char === ' ' || char === '\t') {
      endWord();
      i++;
    } else if (char === "'" || char === '"') {
      const end = text.indexOf(char, i + 1);
      if (end === -1) return undefined;
      const quoted = text.slice(i + 1, end);
      if (control.test(quoted) || (char === '"' && /[$`\\!]/.test(quoted))) return undefined;
      word = (word ?? '') + quoted;
      i = end + 1;
    } else if (char === ';' || char === '|' || char === '&') {
      const joint = text[i + 1] === char && char !== ';' ? `${char}${char}` : char;
      if (joint === '&') return undefined;
      endWord();
      if (!isCommand(words)) return undefined;
      commands.push(words);
      joints.push(joint as Joint);
      words = [];
      i += joint.length;
    } else if (char === '*' && stars) {
      word = (word ?? '') + star;
      i++;
    } else if (char === '\\' && text[i + 1] === '*' && stars) {
      word = `${word ?? ''}*`;
      i += 2;
    } else if (plain.test(char)) {
      word = (word ?? '') + char;
      i += char.length;
    } else return undefined;
  }
  endWord();
  if (!isCommand(words)) return undefined;
  return { commands: [...commands, words], joints };
}

/** False for an assignment in front of the program: it changes what the program does. */
function isCommand(words: readonly string[]): boolean {
  return words[0] !== undefined && words[0] !== '' && !assignment.test(words[0]);
}
