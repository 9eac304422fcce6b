// Colors code, roughly: comments, strings, numbers and the keywords that most languages share. A real grammar for each
// language would be larger than the whole dashboard.

import type { ComponentChildren } from 'preact';
import { withMatches } from './with-matches.ts';

const keywords =
  'abstract|and|as|async|await|break|case|catch|class|const|continue|def|default|defer|delete|do|elif|else|end|enum|except|export|extends|false|final|finally|fn|for|from|func|function|go|if|impl|implements|import|in|instanceof|interface|is|lambda|let|match|module|mut|namespace|new|nil|None|not|null|of|or|override|package|pass|private|protected|pub|public|raise|readonly|return|select|self|static|struct|super|switch|then|this|throw|trait|true|True|False|try|type|typeof|undefined|use|var|void|where|while|with|yield';
const string = '"(?:[^"\\\\\\n]|\\\\.)*"|\'(?:[^\'\\\\\\n]|\\\\.)*\'|`(?:[^`\\\\]|\\\\.)*`';
const number = '\\b(?:0x[\\da-fA-F]+|\\d[\\d_]*(?:\\.\\d+)?)\\b';

/** How comments begin, by language. */
const comments: readonly (readonly [languages: RegExp, comment: string])[] = [
  [
    /^(py|python|rb|ruby|sh|bash|shell|zsh|yaml|yml|toml|ini|make|makefile|dockerfile|r|perl|elixir)$/,
    '(?:^|(?<=\\s))#[^\\n]*',
  ],
  [/^(sql|lua|haskell|hs|elm)$/, '--[^\\n]*|/\\*[^]*?\\*/'],
  [/^(html|xml|svg|vue|markdown|md)$/, '<!--[^]*?-->'],
  [/^css$/, '/\\*[^]*?\\*/'],
];
const otherComment = '//[^\\n]*|/\\*[^]*?\\*/';
/** Longer code stays plain: coloring it would take longer than a frame. */
const maxCharacters = 50_000;
const plain = /^(|text|txt|plain|plaintext|output|log|console)$/;

export function highlight(text: string, language = ''): ComponentChildren {
  const name = language.toLowerCase();
  if (text.length > maxCharacters || plain.test(name)) return text;
  if (/^(diff|patch)$/.test(name)) return lines(text);
  const comment = comments.find(([languages]) => languages.test(name))?.[1] ?? otherComment;
  const tokens = new RegExp(`(${comment})|(${string})|(\\b(?:${keywords})\\b)|(${number})`, 'gm');
  return withMatches(text, tokens, ({ index, 0: whole, 1: isComment, 2: isString, 3: isKeyword }) => (
    <span key={index} class={isComment ? 'comment' : isString ? 'string' : isKeyword ? 'name' : 'literal'}>
      {whole}
    </span>
  ));
}

function lines(text: string): ComponentChildren {
  return text.split('\n').map((line, index) => (
    <span key={index} class={line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''}>
      {line}
      {'\n'}
    </span>
  ));
}
