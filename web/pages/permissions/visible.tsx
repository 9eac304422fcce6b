// A text with every character visible, so that a command looks like what it is.

import type { ComponentChildren } from 'preact';
import { withMatches } from '../../parts/with-matches.ts';

/** Control and format characters, spaces that look like others, and characters without a shape. Not line breaks. */
const unseen = /[^\P{C}\n]|\p{Default_Ignorable_Code_Point}|[\u2028\u2029\u2800]|[^\P{Zs} ]/gu;

/** Shows each invisible character as `U+202E`, marked so that it differs from the same text. */
export function visible(text: string): ComponentChildren {
  return withMatches(text, unseen, ({ index, 0: character }) => (
    <mark key={index} title="An invisible character">
      {nameOf(character)}
    </mark>
  ));
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code === 9 ? '→tab' : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
