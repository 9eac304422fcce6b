// Allow rules for `bash`. A pattern is matched word by word: `*` matches one operand, a final `**` any number of them.
// An operand never begins with `-`: an option is allowed only if the rule spells it out, because options can run
// programs and write files.

import { shellQuote } from '../../base/shell-quote.ts';
import { type PlainCommand, splitPlainCommand, star } from './plain-command.ts';

/** Commands that change what later commands do. A list that contains one needs a rule of its own. */
const stateful = new Set(
  '. alias builtin cd command declare enable eval exec export getopts hash let local mapfile popd pushd read readarray readonly set shopt source trap typeset ulimit umask unalias unset'.split(
    ' ',
  ),
);
/** Programs that only filter their input. Any other program after a pipe could run its input as commands. */
const filters = new Set(
  'cat column cut fold fmt grep head jq nl paste rev sort tac tail tr uniq wc'.split(' '),
);

/**
 * The text that rules match. `folder`: where the command runs, relative to the workspace; in another folder it is
 * another command.
 */
export function commandText(command: string, folder: string): string {
  return folder === '.' ? command : `cd ${shellQuote(folder)} && ${command}`;
}

/** A pattern that matches this text and no other. */
export function exactPattern(text: string): string {
  return text.replaceAll('*', '\\*');
}

export function hasStar(pattern: string): boolean {
  return /(^|[^\\])\*/.test(pattern);
}

/** True if one pattern allows the whole command, or if each part of a list is allowed by one of the patterns. */
export function allowsCommand(patterns: readonly string[], command: string, folder: string): boolean {
  const text = commandText(command, folder);
  if (
    patterns.some(
      (pattern) => !hasStar(pattern) && (pattern === text || pattern.replaceAll('\\*', '*') === text),
    )
  )
    return true;
  if (folder !== '.') return false;
  const split = splitPlainCommand(command);
  if (split === undefined) return false;
  const parsed = patterns.flatMap((pattern) => splitPlainCommand(pattern, { stars: true }) ?? []);
  if (parsed.some((pattern) => fitsWhole(pattern, split))) return true;
  if (split.commands.length === 1) return false;
  return split.commands.every((words, index) => {
    const program = words[0] as string;
    if (stateful.has(program) || (split.joints[index - 1] === '|' && !filters.has(program))) return false;
    return parsed.some(({ commands }) => commands.length === 1 && fitsWords(commands[0] ?? [], words));
  });
}

function fitsWhole(pattern: PlainCommand, command: PlainCommand): boolean {
  return (
    pattern.commands.length === command.commands.length &&
    pattern.joints.every((joint, index) => joint === command.joints[index]) &&
    pattern.commands.every((words, index) => fitsWords(words, command.commands[index] ?? []))
  );
}

function fitsWords(pattern: readonly string[], words: readonly string[]): boolean {
  const [program] = pattern;
  // The pattern must name the program.
  if (program === undefined || program.includes(star)) return false;
  const open = pattern.at(-1) === star + star;
  const fixed = open ? pattern.slice(0, -1) : pattern;
  if (open ? words.length < fixed.length : words.length !== fixed.length) return false;
  return words.every((word, index) => {
    const part = fixed[index];
    return part === undefined ? isOperand(word) : fitsWord(part, word);
  });
}

function fitsWord(pattern: string, word: string): boolean {
  if (!pattern.includes(star)) return pattern === word;
  if (pattern.startsWith('-') || !isOperand(word)) return false;
  if (pattern === star) return true;
  // A star in part of a word: `src/*` matches files in the folder, `src/**` everything below it.
  if (word.split('/').includes('..')) return false;
  const deep = pattern.includes(star + star);
  const pieces = pattern
    .split(star)
    .filter((piece, index, all) => piece !== '' || index === 0 || index === all.length - 1);
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    const isLast = index === pieces.length - 1;
    const found =
      index === 0
        ? word.startsWith(piece)
          ? 0
          : -1
        : isLast
          ? word.length - piece.length
          : word.indexOf(piece, at);
    if (found < at || !word.startsWith(piece, found)) return false;
    if (!deep && word.slice(at, found).includes('/')) return false;
    at = found + piece.length;
  }
  return at === word.length;
}

function isOperand(word: string): boolean {
  return !word.startsWith('-');
}
