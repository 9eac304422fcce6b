// The language of the offline agent: one command per line. Parts with spaces may be quoted.

export type Command =
  | { readonly kind: 'read'; readonly path: string }
  | { readonly kind: 'list'; readonly pattern: string | undefined }
  | { readonly kind: 'search'; readonly text: string; readonly glob: string | undefined }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'write'; readonly path: string; readonly content: string }
  | { readonly kind: 'replace'; readonly oldText: string; readonly newText: string; readonly path: string }
  | { readonly kind: 'ask'; readonly question: string; readonly choices: readonly string[] }
  | { readonly kind: 'call'; readonly tool: string; readonly input: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'unknown'; readonly line: string };

/** The commands as `help` and the documentation show them. */
export const commandForms: readonly (readonly [form: string, meaning: string])[] = [
  ['read FILE', 'shows a file'],
  ['list [GLOB]', 'lists files, such as `list src/**/*.ts`; without a pattern, the workspace’s folder'],
  ['search TEXT [in GLOB]', 'finds lines that contain the text'],
  ['run COMMAND', 'runs a shell command'],
  ['write FILE: TEXT', 'creates or replaces a file; `\\n` in the text is a line break'],
  ['replace A with B in FILE', 'replaces a text that occurs once'],
  ['ask QUESTION [A | B]', 'asks you, in brackets with choices, and shows the answer'],
  ['call TOOL {…}', 'calls a tool of the prompt’s caller with JSON parameters'],
  ['help', 'shows this'],
];

// One part: in double quotes, single quotes or backquotes, or bare. Linear, since no part of the pattern repeats
// another.
const part = `"([^"]*)"|'([^']*)'|\`([^\`]*)\`|(\\S(?:.*\\S)?)`;
const onePart = new RegExp(`^(?:${part})$`);

function unquote(text: string): string {
  const match = onePart.exec(text.trim());
  if (match === null) return text.trim();
  return match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
}

const quotes: readonly string[] = ['"', "'", '`'];

/** Splits at the last `word` outside of quotes. Reads the text only once, however many quotes it has. */
function splitAtLast(text: string, word: string): readonly [string, string] | undefined {
  const lastOf = new Map(quotes.map((quote) => [quote, text.lastIndexOf(quote)]));
  let quote: string | undefined;
  let found: number | undefined;
  const needle = ` ${word} `;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      continue;
    }
    // An unclosed quote is an ordinary character.
    if ((lastOf.get(char) ?? -1) > i && (i === 0 || text[i - 1] === ' ')) quote = char;
    else if (char === ' ' && text.slice(i, i + needle.length).toLowerCase() === needle) found = i;
  }
  return found === undefined ? undefined : [text.slice(0, found), text.slice(found + needle.length)];
}

/** If the line of a `write` ends with its colon, the lines below it are its text. */
export function parseCommands(prompt: string): readonly Command[] {
  const lines = prompt.split(/\r?\n/);
  const commands: Command[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] as string).trim();
    if (line === '') continue;
    if (i + 1 < lines.length && line.endsWith(':') && /^write\s/i.test(line)) {
      const path = unquote(line.slice('write'.length, -1));
      if (path !== '') {
        commands.push({ kind: 'write', path, content: lines.slice(i + 1).join('\n') });
        break;
      }
    }
    commands.push(parseCommand(line));
  }
  return commands;
}

function parseCommand(line: string): Command {
  const unknown: Command = { kind: 'unknown', line };
  const [, verb = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
  switch (verb.toLowerCase()) {
    case 'help':
      return rest === '' ? { kind: 'help' } : unknown;
    case 'read':
      return rest === '' ? unknown : { kind: 'read', path: unquote(rest) };
    case 'list':
      return { kind: 'list', pattern: rest === '' ? undefined : unquote(rest) };
    case 'run':
      return rest === '' ? unknown : { kind: 'run', command: unquote(rest) };
    case 'ask': {
      // The choices are in the brackets at the end.
      const start = rest.endsWith(']') ? rest.lastIndexOf('[') : -1;
      const question = unquote(start < 0 ? rest : rest.slice(0, start));
      const choices =
        start < 0
          ? []
          : rest
              .slice(start + 1, -1)
              .split('|')
              .map((choice) => choice.trim());
      return question === ''
        ? unknown
        : { kind: 'ask', question, choices: choices.filter((one) => one !== '') };
    }
    case 'call': {
      const space = rest.search(/\s/);
      const tool = space < 0 ? rest : rest.slice(0, space);
      const input = space < 0 ? '{}' : rest.slice(space).trim();
      return tool === '' ? unknown : { kind: 'call', tool, input };
    }
    case 'search': {
      if (rest === '') return unknown;
      const [text, glob] = splitAtLast(rest, 'in') ?? [rest, undefined];
      return { kind: 'search', text: unquote(text), glob: glob === undefined ? undefined : unquote(glob) };
    }
    case 'write': {
      const match = /^("[^"]+"|'[^']+'|`[^`]+`|[^\s:]+):\s?(.*)$/s.exec(rest);
      if (match === null) return unknown;
      return {
        kind: 'write',
        path: unquote(match[1] as string),
        content: unquote(match[2] as string).replaceAll('\\n', '\n'),
      };
    }
    case 'replace': {
      const where = splitAtLast(rest, 'in');
      const texts = where === undefined ? undefined : splitAtLast(where[0], 'with');
      if (where === undefined || texts === undefined) return unknown;
      return {
        kind: 'replace',
        oldText: unquote(texts[0]),
        newText: unquote(texts[1]),
        path: unquote(where[1]),
      };
    }
    default:
      return unknown;
  }
}
