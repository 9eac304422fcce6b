// Deny rules for `bash`. They apply to every command that the text may run, through quotes, lists, sub-shells, `env`,
// `sudo`, `sh -c`, `xargs` and the like; options between a program and its sub-command do not hide it. If the text does
// not determine what runs, it is denied when it may run the program of the rule. Deny rules cannot stop a program that
// does the same under another name; the sandbox can.

import { fitsText } from './fits-text.ts';
import { splitPlainCommand, star } from './plain-command.ts';
import { findCommands, unknown, type Word } from './shell-commands.ts';

/** Programs that run the command in their arguments. */
const wrappers = new Set(
  'ash bash builtin bunx busybox caffeinate chroot chrt command coproc csh dash doas env eval exec fd find fish flock function gdb gtime ionice ksh ltrace mksh nice nohup npx nsenter parallel pkexec proxychains rlwrap runuser script setarch setsid sh sshpass ssh stdbuf strace su sudo systemd-run taskset time timeout toybox trap unbuffer unshare valgrind watch xargs zsh'.split(
    ' ',
  ),
);
/** Programs that append words which they read elsewhere. */
const adders = new Set(['xargs', 'parallel']);
/** Programs that run text as code. */
const evaluators = new Set(
  '. alias awk bun deno docker ed emacs enable ex expect gawk gdb less lua man make mawk node nvim osascript perl php podman python python2 python3 ruby sed source tclsh vi vim'.split(
    ' ',
  ),
);
/** Programs that run code only with such words: an alias, or a command for each step. */
const codeWords: Readonly<Record<string, RegExp | undefined>> = {
  git: /^(-c|-x|--exec|--config-env|config$|rebase$|bisect$|submodule$|filter-branch$|difftool$|mergetool$)/,
  npm: /^(exec|x)$/,
  pnpm: /^(exec|dlx)$/,
  yarn: /^(exec|dlx)$/,
  tar: /^(-I|--to-command|--use-compress-program|--checkpoint-action)/,
  go: /^(-exec|-toolexec|-vettool)/,
  rsync: /^(-e|--rsh|--rsync-path)/,
  zip: /^(-TT|--unzip-command)/,
};
const shells = new Set('ash bash csh dash eval fish ksh mksh sh su zsh'.split(' '));
/** Other programs that run their arguments as shell commands; some join them into one. */
const takesText = new Set('env flock parallel runuser script ssh trap watch xargs'.split(' '));
const joinsText = new Set('eval parallel ssh watch'.split(' '));
/** True for text of more than one word. */
const isCode = /[\s;&|$`(<>{]/;
const maxJoins = 2;
/** Programs that run only the words after -exec or the like. */
const finders = new Set(['fd', 'find']);
const reserved = new Set('! { } if then elif else fi while until do done'.split(' '));
/** After a wrapper, the program is searched for in this many words. */
const maxSuffixes = 16;
const maxDepth = 4;

interface Rule {
  readonly pattern: string;
  readonly program: string;
  readonly operands: readonly string[];
  readonly options: readonly string[];
  /** Its last word is `*` or `**`. */
  readonly hasRest: boolean;
}

export function forbidsCommand(pattern: string, command: string): boolean {
  const squeezed = command.replace(/\s+/g, ' ').trim();
  const bare = squeezed.replace(/["'\\]/g, '');
  if ([command, squeezed, bare].some((text) => fitsText(pattern, text))) return true;
  const rule = readRule(pattern);
  if (rule === undefined) return false;
  // Every level of `sh -c` is read again. The budget ends texts that multiply themselves.
  const budget = { left: 8 * command.length + 10_000 };
  return forbidsText(rule, command, maxDepth, budget);
}

function readRule(pattern: string): Rule | undefined {
  const split = splitPlainCommand(pattern, { stars: true });
  const words =
    split?.commands.length === 1
      ? (split.commands[0] as readonly string[])
      : // Not plain: split at white space.
        pattern
          .split(/\s+/)
          .filter((word) => word !== '')
          .map((word) => word.replaceAll('*', star));
  const [program, ...rest] = words;
  if (program === undefined || (split !== undefined && split.commands.length > 1)) return undefined;
  const hasRest = rest.length > 0 && /^\0+$/.test(rest.at(-1) as string);
  const fixed = hasRest ? rest.slice(0, -1) : rest;
  return {
    pattern,
    program: baseName(program),
    operands: fixed.filter((word) => !word.startsWith('-')),
    options: fixed.filter((word) => word.startsWith('-')),
    hasRest,
  };
}

function forbidsText(rule: Rule, text: string, depth: number, budget: { left: number }): boolean {
  budget.left -= text.length;
  if (depth === 0 || budget.left < 0) return mentions(rule, text);
  const { commands, complete } = findCommands(text);
  if (!complete && mentions(rule, text)) return true;
  let runsCode = false;
  for (const words of commands) {
    const stripped = strip(words);
    const texts = new Set<string>();
    let takers = 0;
    for (const { words: own, isCertain } of programsIn(stripped)) {
      if ((isCertain || !own[0].text.startsWith(unknown)) && forbidsWords(rule, own)) return true;
      const name = baseName(own[0].text);
      runsCode ||= evaluates(name, own);
      if ((!shells.has(name) && !takesText.has(name)) || takers >= maxJoins) continue;
      const args = own.slice(1).map((word) => word.text.replaceAll(unknown, '$_'));
      // Arguments of an inner program are also arguments of the outer one.
      if (takers === 0) for (const arg of args) if (isCode.test(arg)) texts.add(arg);
      if (joinsText.has(name)) texts.add(args.join(' '));
      takers++;
    }
    for (const inner of texts) if (inner !== text && forbidsText(rule, inner, depth - 1, budget)) return true;
    if (stripped.length > maxSuffixes && wrappers.has(programOf(stripped)) && mentions(rule, text))
      return true;
  }
  return runsCode && mentions(rule, text);
}

type Words = readonly [Word, ...Word[]];

/** Returns the command itself and, for a wrapper, each place where the inner command may begin. */
function* programsIn(
  words: readonly Word[],
): Generator<{ readonly words: Words; readonly isCertain: boolean }> {
  if (!isWords(words)) return;
  yield { words, isCertain: true };
  const wrapper = programOf(words);
  if (!wrappers.has(wrapper)) return;
  const added = adders.has(wrapper) ? [{ text: unknown, many: true }] : [];
  let mayBegin = !finders.has(wrapper);
  // Options, their values and assignments come before the program; the first other word is the program.
  let isOpen = true;
  let isAfterOption = false;
  for (let from = 1; from < Math.min(words.length, maxSuffixes); from++) {
    const { text } = words[from] as Word;
    const suffix = [...words.slice(from), ...added];
    if (mayBegin && isWords(suffix)) yield { words: suffix, isCertain: isOpen };
    if (finders.has(wrapper)) mayBegin = /^(-(exec|ok)(dir)?|-x|-X|--exec(-batch)?)$/.test(text);
    else if (
      !text.startsWith('-') &&
      !isAfterOption &&
      !/^\d|^[A-Za-z_]\w*=/.test(text) &&
      !wrappers.has(baseName(text))
    )
      isOpen = false;
    isAfterOption = text.startsWith('-');
  }
}

function isWords(words: readonly Word[]): words is Words {
  return words.length > 0;
}

/** Without reserved words and assignments before the program. */
function strip(words: readonly Word[]): readonly Word[] {
  let from = 0;
  while (from < words.length) {
    const { text } = words[from] as Word;
    if (reserved.has(text) || /^[A-Za-z_]\w*(\[[^\]]*\])?\+?=/.test(text)) from++;
    else break;
  }
  return words.slice(from);
}

function programOf(words: readonly Word[]): string {
  return baseName(words[0]?.text ?? '');
}

function baseName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.exe$/i, '')
    .toLowerCase();
}

function forbidsWords(rule: Rule, [first, ...args]: Words): boolean {
  // An unquoted unknown word in place of the program may be the whole command.
  if (first.many && mayFit(rule.program, baseName(first.text.split(unknown, 1)[0] as string) + unknown))
    return true;
  const program = baseName(first.text);
  const [sub] = rule.operands;
  if (
    sub !== undefined &&
    !program.includes(unknown) &&
    mayFit(`${rule.program}-${sub.toLowerCase()}`, program)
  )
    return true;
  if (!mayFit(rule.program, program)) return false;
  return hasOptions(rule, args) && hasOperands(rule, args);
}

/** True if the operands of the rule occur in order, with only options between them, each perhaps with a value. */
function hasOperands({ operands }: Rule, args: readonly Word[]): boolean {
  // The possible numbers of matched operands so far, and whether the word before was an option.
  let met = new Map<number, boolean>([[0, false]]);
  for (const word of args) {
    if (met.has(operands.length)) return true;
    if (word.many && met.size > 0) return true;
    const after = new Map<number, boolean>();
    const reach = (count: number, isAfterOption: boolean): void => {
      after.set(count, isAfterOption || after.get(count) === true);
    };
    const maybeOption = word.text.startsWith('-') || word.text.startsWith(unknown);
    for (const [count, isAfterOption] of met) {
      if (maybeOption) reach(count, true);
      else if (isAfterOption) reach(count, false);
      if (mayFit(operands[count] as string, word.text)) reach(count + 1, false);
    }
    met = after;
    if (met.size === 0) return false;
  }
  return met.has(operands.length);
}

/** True if the options of the rule occur anywhere: short ones joined in any way, long ones abbreviated. */
function hasOptions({ options }: Rule, args: readonly Word[]): boolean {
  if (options.length === 0) return true;
  if (args.some(({ many }) => many)) return true;
  const letters = new Set(args.flatMap(({ text }) => (/^-[^-]/.test(text) ? [...text.slice(1)] : [])));
  return options.every((option) => {
    if (args.some(({ text }) => mayFit(option, text))) return true;
    if (/^-[A-Za-z0-9]+$/.test(option) && [...option.slice(1)].every((letter) => letters.has(letter)))
      return true;
    return args.some(({ text }) => {
      const name = text.split('=', 1)[0] as string;
      return name.startsWith('--') && name.length > 2 && option.startsWith(name);
    });
  });
}

/** True if the program runs its arguments as code, given these words. */
function evaluates(program: string, words: readonly Word[]): boolean {
  if (evaluators.has(program) || shells.has(program)) return true;
  const code = codeWords[program];
  return code !== undefined && words.some(({ text }) => code.test(text));
}

/** True if all fixed words of the rule occur in the text, in any form. */
function mentions(rule: Rule, text: string): boolean {
  const bare = text.replace(/["'\\]/g, '').toLowerCase();
  return [rule.program, ...rule.operands, ...rule.options]
    .flatMap((word) => word.toLowerCase().split(star))
    .every((piece) => piece === '' || occurs(piece, bare));
}

function occurs(piece: string, text: string): boolean {
  const isWordPart = (char: string | undefined): boolean => char !== undefined && /\w/.test(char);
  for (let at = text.indexOf(piece); at !== -1; at = text.indexOf(piece, at + 1)) {
    const joinsBefore = isWordPart(piece[0]) && isWordPart(text[at - 1]);
    const joinsAfter = isWordPart(piece.at(-1)) && isWordPart(text[at + piece.length]);
    if (!joinsBefore && !joinsAfter) return true;
  }
  return false;
}

/** True if a word of the pattern (with stars) and a word of the command (with unknown parts) can be the same text. */
function mayFit(pattern: string, word: string): boolean {
  if (!pattern.includes(star)) {
    if (!word.includes(unknown)) return pattern === word;
    return fitsPieces(word.split(unknown), pattern);
  }
  if (!word.includes(unknown)) return fitsPieces(pattern.split(star), word);
  // Both are open: only their fixed ends can tell them apart.
  const ends = (text: string): readonly [string, string] => {
    const pieces = text.split('\0');
    return [pieces[0] as string, pieces.at(-1) as string];
  };
  const [[start, end], [otherStart, otherEnd]] = [ends(pattern), ends(word)];
  return (
    (start.startsWith(otherStart) || otherStart.startsWith(start)) &&
    (end.endsWith(otherEnd) || otherEnd.endsWith(end))
  );
}

function fitsPieces(pieces: readonly string[], text: string): boolean {
  return fitsText(pieces.join(star), text, star);
}
