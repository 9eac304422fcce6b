// The name and the scopes of a new key, in any order that a person would write them in.

import { didYouMean } from '../base/did-you-mean.ts';
import { type Scope, scopes } from '../contract/api-key.ts';
import { UsageError } from './usage-error.ts';

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** For --scope: one, or several with commas between; may be repeated. */
export function scopeList(text: string, all: readonly Scope[] = []): readonly Scope[] {
  const named = text.split(',').map((word) => {
    const scope = scopes.find((one) => one === word.trim());
    if (scope !== undefined) return scope;
    throw new UsageError(
      `--scope is ${JSON.stringify(text)}; it must be ${scopes.join(', ')}, or several with commas between${didYouMean(word, scopes)}`,
    );
  });
  return [...new Set([...all, ...named])];
}

/**
 * `ci --scope read prompt` and `--scope read prompt ci` mean the same: words that are scopes follow `--scope`, the one that is not is the name.
 * A single word is always the name.
 */
export function readNewKey(words: readonly string[], given: readonly Scope[] | undefined): NewKey {
  const isScope = (word: string): word is Scope => scopes.some((scope) => scope === word);
  const others = words.filter((word) => !isScope(word));
  const [name] = words.length === 1 ? words : others;
  if (
    name === undefined ||
    (words.length > 1 && others.length > 1) ||
    (given === undefined && words.length > 1)
  ) {
    const which = words.map((word) => JSON.stringify(word)).join(', ');
    const typo =
      others.length > 1
        ? others.map((word) => didYouMean(word, scopes)).find((text) => text !== '')
        : undefined;
    throw new UsageError(
      `${which}: one of them must be the name, the others scopes${typo ?? ''}\nWrite: codebuddy keys create NAME --scope read,prompt`,
    );
  }
  const length = [...name].length;
  if (length < 1 || length > 100)
    throw new UsageError(`the name has ${length} characters; it must have 1 to 100`);
  const more = words.length === 1 ? [] : words.filter(isScope);
  return {
    name,
    scopes: [...new Set([...(given ?? []), ...more, ...(given === undefined ? (['read'] as const) : [])])],
  };
}
