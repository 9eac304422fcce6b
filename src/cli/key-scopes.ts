// The name and the scopes of a new key, in any order that users write them in.

import { didYouMean } from '../base/did-you-mean.ts';
import { type Scope, scopes } from '../contract/api-key.ts';
import { limits } from './field-limits.ts';
import { invalid, textOf } from './option-values.ts';
import { UsageError } from './usage-error.ts';

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Parses --scope: scopes separated by commas. The flag may be repeated. */
export const scopeList = Object.assign(parseScopes, { words: scopes, isRepeatable: true as const });

function parseScopes(text: string, all: readonly Scope[] = []): readonly Scope[] {
  const named = text.split(',').map((word) => {
    const scope = scopes.find((one) => one === word.trim());
    if (scope !== undefined) return scope;
    throw invalid(
      '--scope',
      `one or more of ${scopes.join(', ')}, separated by commas`,
      text,
      didYouMean(word, scopes),
    );
  });
  return [...new Set([...all, ...named])];
}

/**
 * Accepts `ci --scope read prompt` and `--scope read prompt ci`: words that are scopes belong to `--scope`, the other
 * word is the name. A single word is always the name.
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
    const shown = words.map((word) => JSON.stringify(word)).join(', ');
    const typo =
      others.length > 1
        ? others.map((word) => didYouMean(word, scopes)).find((text) => text !== '')
        : undefined;
    throw new UsageError(
      `A key needs one name, and scopes after --scope, not ${shown}${typo ?? '.'}\nUse: codebuddy keys create NAME --scope read,prompt`,
    );
  }
  const more = words.length === 1 ? [] : words.filter(isScope);
  return {
    name: textOf('<name>', limits.keyName)(name),
    scopes: [...new Set([...(given ?? []), ...more, ...(given === undefined ? (['read'] as const) : [])])],
  };
}
