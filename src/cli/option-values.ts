// Parsers of options and arguments for commander. A value that the server would refuse is refused here, before any request.

import { didYouMean } from '../base/did-you-mean.ts';
import { eventTypes } from '../contract/event-catalogue.ts';
import { UsageError } from './usage-error.ts';

/** `flag`: the option with its dashes, as messages show it. */
export function wholeNumber(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,15}$/.test(text) && number >= least && number <= most) return number;
    throw wrong(flag, text, `a whole number from ${least} to ${most}`);
  };
}

/** Of a list. */
export const pageLimit = wholeNumber('--limit', 1, 200);

/** In seconds, as whole milliseconds. */
export function seconds(flag: string, mostSeconds: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && number >= 0.001 && number <= mostSeconds)
      return Math.round(number * 1000);
    throw wrong(flag, text, `a number of seconds from 0.001 to ${mostSeconds}`);
  };
}

export function oneOf<const Word extends string>(
  flag: string,
  words: readonly Word[],
): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw wrong(flag, text, words.join(', '), didYouMean(text, words));
  };
}

/** Text of so many characters, as JSON Schema counts them. */
export function textOf(flag: string, least: number, most: number): (text: string) => string {
  return (text) => {
    const { length } = [...text];
    if (length >= least && length <= most) return text;
    throw new UsageError(`${flag} has ${length} characters; it must have ${least} to ${most}`);
  };
}

/** `provider/name`, or `offline`. Which providers there are, the server knows. */
export function modelName(text: string): string {
  if (text === 'offline' || (/^[A-Za-z0-9_-]+\/\S+$/.test(text) && text.length <= 200)) return text;
  throw wrong('--model', text, 'offline, or provider/name as anthropic/claude-sonnet-5-5');
}

/** An option that may be repeated, each value parsed. */
export function repeated<T>(parse: (text: string) => T): (text: string, all?: readonly T[]) => readonly T[] {
  return (text, all = []) => [...all, parse(text)];
}

/**
 * An event type, `group.*` or `*`. A host may have types of its own, so that only the server knows all of them: refused are a pattern that
 * cannot be one, and a word that is almost one of the types that every server has.
 */
export function eventPattern(flag: string): (text: string) => string {
  const groups = [...new Set(eventTypes.filter((type) => type.includes('.')).map(groupOf))];
  const known: readonly string[] = [...eventTypes, ...groups, '*'];
  return (text) => {
    if (known.includes(text)) return text;
    const suggestion = didYouMean(text, known);
    if (suggestion === '' && /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(?:[A-Za-z0-9_-]+|\*)$/.test(text))
      return text;
    throw wrong(flag, text, 'an event type as run.complete, a group as tool.*, or *', suggestion);
  };
}

function groupOf(type: string): string {
  return `${type.slice(0, type.indexOf('.'))}.*`;
}

function wrong(flag: string, text: string, right: string, suggestion = ''): UsageError {
  return new UsageError(`${flag} is ${JSON.stringify(text)}; it must be ${right}${suggestion}`);
}
