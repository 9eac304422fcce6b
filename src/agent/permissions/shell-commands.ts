// Finds every command that a shell text may run (for deny rules): in lists, pipes, sub-shells, substitutions and the
// bodies of control structures. Text that the shell knows only at run time becomes `unknown`, which rules treat as a
// match. One pass, linear in the text.

/** In a word: text that is known only at run time. NUL cannot be part of a command. */
export const unknown = '\0';

export interface Word {
  /** Without quotes and backslashes. */
  readonly text: string;
  /** True if it contains unquoted unknown text, which may become any number of words. */
  readonly many: boolean;
}

export interface ShellCommands {
  readonly commands: readonly (readonly Word[])[];
  /** False if quotes or brackets do not close: then a shell may read the text differently. */
  readonly complete: boolean;
}

interface Frame {
  /** The character that closes it; '' for the text itself. */
  readonly closer: '' | ')' | '`' | '}';
  words: Word[];
  text: string | undefined;
  many: boolean;
  inQuotes: boolean;
  /** The next word is the target of a redirection, not part of the command. */
  skipsNext: boolean;
  /** True for a command, false for the inside of `${…}`. */
  readonly runs: boolean;
  /** `( … )`, which is replaced by nothing. */
  isGroup: boolean;
  /** Inside `"${…}"` and here-documents, quotes are ordinary characters. */
  readonly plainQuotes: boolean;
}

interface HereDocument {
  readonly delimiter: string;
  readonly stripsTabs: boolean;
  readonly isQuoted: boolean;
}

const maxDepth = 200;
const maxHereDepth = 3;

export function findCommands(text: string): ShellCommands {
  return scan(text, newFrame('', true, false), 0);
}

function scan(text: string, base: Frame, hereDepth: number): ShellCommands {
  const commands: Word[][] = [];
  const stack: Frame[] = [base];
  const hereDocuments: HereDocument[] = [];
  let readsHereDocuments = hereDepth < maxHereDepth;
  let complete = true;
  const top = (): Frame => stack.at(-1) as Frame;

  const add = (piece: string, many = false): void => {
    const frame = top();
    frame.text = (frame.text ?? '') + piece;
    frame.many ||= many;
  };
  const endWord = (): void => {
    const frame = top();
    if (frame.text === undefined) return;
    if (frame.skipsNext) frame.skipsNext = false;
    else frame.words.push({ text: frame.text, many: frame.many });
    frame.text = undefined;
    frame.many = false;
  };
  const endCommand = (): void => {
    endWord();
    const frame = top();
    frame.skipsNext = false;
    // The `)` of a `case` pattern looks like the end of the substitution around it.
    if (stack.length > 1 && frame.words.some((word) => word.text === 'case')) complete = false;
    if (frame.runs && frame.words.length > 0) commands.push(frame.words);
    frame.words = [];
  };
  const push = (closer: Frame['closer'], runs = true): void => {
    if (stack.length > maxDepth) complete = false;
    else stack.push(newFrame(closer, runs, !runs && top().inQuotes));
  };
  const pop = (): void => {
    const { closer, words, text: last = '' } = top();
    // "${list[@]}" is several words, even in quotes.
    const isList = closer === '}' && /[@!]/.test(`${words[0]?.text ?? ''}${last}`);
    const { isGroup } = top();
    endCommand();
    stack.pop();
    if (!isGroup) add(unknown, isList || !top().inQuotes);
  };

  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    const next = text[i + 1];
    const frame = top();
    if (char === '\\') {
      if (frame.closer === '`' && next === '`') {
        // A substitution inside a substitution.
        endCommand();
        frame.inQuotes = false;
        i++;
      } else if (next === '\n') i++;
      else if (next === '\r' && text[i + 2] === '\n') i += 2;
      else if (frame.inQuotes && !/["$`\\]/.test(next ?? '')) add(char);
      else {
        add(next ?? '');
        i++;
      }
    } else if (char === '$' && next === '(') {
      push(')');
      i++;
    } else if (char === '$' && next === '{') {
      push('}', false);
      i++;
    } else if (char === '`') {
      if (frame.closer === '`' && !frame.inQuotes) pop();
      else push('`');
    } else if (char === '$' && /[A-Za-z_]/.test(next ?? '')) {
      let end = i + 1;
      while (/[A-Za-z0-9_]/.test(text[end] ?? '')) end++;
      add(unknown, !frame.inQuotes);
      i = end - 1;
    } else if (char === '$' && /[0-9@*#?$!-]/.test(next ?? '')) {
      // "$@" is several words, even in quotes.
      add(unknown, !frame.inQuotes || next === '@');
      i++;
    } else if (frame.inQuotes) {
      if (char === '"' && !(frame.plainQuotes && stack.length === 1)) frame.inQuotes = false;
      else add(char);
    } else if (frame.plainQuotes && char === "'") {
      add(char);
    } else if (char === '"') {
      frame.inQuotes = true;
      add('');
    } else if (char === '$' && next === '"') {
      // A translated string ($"…") is quoted like any other.
    } else if (char === "'" || (char === '$' && next === "'")) {
      const isAnsi = char === '$';
      const start = isAnsi ? i + 2 : i + 1;
      let end = start;
      while (end < text.length && text[end] !== "'") end += isAnsi && text[end] === '\\' ? 2 : 1;
      if (end >= text.length) complete = false;
      const quoted = text.slice(start, end);
      // Escapes such as \x67 may be any character.
      add(isAnsi ? quoted.replace(/\\[\s\S][0-9A-Fa-f{}]*/g, unknown) : quoted);
      i = end;
    } else if (char === frame.closer) pop();
    else if (char === ' ' || char === '\t') endWord();
    else if (char === '#' && frame.text === undefined && frame.runs) {
      const end = text.indexOf('\n', i);
      i = (end === -1 ? text.length : end) - 1;
    } else if (char === '\n' || char === '\r') {
      endCommand();
      if (char === '\n') {
        for (const document of hereDocuments.splice(0)) {
          const { end, body } = readHereDocument(text, i + 1, document);
          if (end === undefined) {
            complete = false;
            readsHereDocuments = false;
            break;
          }
          if (!document.isQuoted && /[$`]/.test(body)) {
            const inside = scan(body, { ...newFrame('', false, true), inQuotes: true }, hereDepth + 1);
            for (const words of inside.commands) commands.push([...words]);
            complete &&= inside.complete;
          }
          i = end - 1;
        }
      }
    } else if ((char === '<' || char === '>') && next === '(') {
      push(')');
      i++;
    } else if (char === '<' || char === '>') {
      // `2>` and `{name}>` name a descriptor.
      if (/^(\d+|\{\w+\})$/.test(frame.text ?? '')) frame.text = undefined;
      endWord();
      if (text.startsWith('<<', i) && text[i + 2] !== '<') {
        const stripsTabs = text[i + 2] === '-';
        const { delimiter, isQuoted, end } = readDelimiter(text, i + (stripsTabs ? 3 : 2));
        if (readsHereDocuments) hereDocuments.push({ delimiter, stripsTabs, isQuoted });
        else complete = false;
        i = end - 1;
      } else {
        while (/[<>&|]/.test(text[i + 1] ?? '') && !(/[<>]/.test(text[i + 1] ?? '') && text[i + 2] === '('))
          i++;
        frame.skipsNext = true;
      }
    } else if (char === '&' && next === '>') endWord();
    else if (char === ';' || char === '&' || char === '|' || char === ')') endCommand();
    else if (char === '(') {
      endCommand();
      push(')');
      if (stack.length > 1) top().isGroup = true;
    } else if (char === '[' && frame.text === undefined && /^\[?\s/.test(text.slice(i + 1, i + 3))) {
      // The program `[` or the word `[[`, not a glob.
      add(char);
      if (next === '[') {
        add(char);
        i++;
      }
    } else if (char === '*' || char === '?' || char === '[') add(unknown, true);
    else if (char === '{' && next !== undefined && !/[\s}]/.test(next))
      // `{a,b}` becomes several words; `{}` and `{ …; }` do not.
      add(unknown, true);
    else add(char);
  }
  while (stack.length > 1) {
    complete = false;
    pop();
  }
  if ((base.inQuotes && !base.plainQuotes) || hereDocuments.length > 0) complete = false;
  endCommand();
  return { commands, complete };
}

function newFrame(closer: Frame['closer'], runs: boolean, plainQuotes: boolean): Frame {
  return {
    closer,
    words: [],
    text: undefined,
    many: false,
    inQuotes: false,
    skipsNext: false,
    isGroup: false,
    runs,
    plainQuotes,
  };
}

function readDelimiter(text: string, at: number): { delimiter: string; isQuoted: boolean; end: number } {
  let i = at;
  while (text[i] === ' ' || text[i] === '\t') i++;
  const start = i;
  while (i < text.length && !/[\s;&|<>()]/.test(text[i] as string)) i++;
  const raw = text.slice(start, i);
  const delimiter = raw.replace(/["'\\]/g, '');
  return { delimiter, isQuoted: delimiter !== raw, end: i };
}

function readHereDocument(
  text: string,
  from: number,
  { delimiter, stripsTabs }: HereDocument,
): { readonly end: number | undefined; readonly body: string } {
  for (let start = from; start <= text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if ((stripsTabs ? line.replace(/^\t+/, '') : line) === delimiter)
      return { end: Math.min(end + 1, text.length), body: text.slice(from, start) };
    if (newline === -1) break;
    start = end + 1;
  }
  return { end: undefined, body: '' };
}
