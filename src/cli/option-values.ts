// Parsers of flag values and arguments for commander. They reject what the server would reject, before any request.

import { didYouMean } from '../base/did-you-mean.ts';
import { eventTypes } from '../contract/event-types.ts';
import { UsageError } from './usage-error.ts';

export interface NumberLimits {
  readonly minimum: number;
  readonly maximum: number;
}

export interface TextLimits {
  readonly minLength: number;
  readonly maxLength: number;
}

/** A parser that knows all or some of the valid words. Completion scripts offer them. */
export interface WordParser<T> {
  (text: string): T;
  readonly words: readonly string[];
}

/** `flag`: the flag with its dashes, for messages. */
export function wholeNumber(flag: string, { minimum, maximum }: NumberLimits): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,15}$/.test(text) && number >= minimum && number <= maximum) return number;
    throw invalid(flag, `a whole number from ${minimum} to ${maximum}`, text);
  };
}

export const tcpPort: NumberLimits = { minimum: 0, maximum: 65_535 };

/** Takes seconds and returns whole milliseconds. The limits are in ms. */
export function seconds(flag: string, { minimum, maximum }: NumberLimits): (text: string) => number {
  const [least, most] = [minimum / 1000, maximum / 1000];
  return (text) => {
    const number = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && number >= least && number <= most) return Math.round(number * 1000);
    throw invalid(flag, `a number of seconds from ${least} to ${most}`, text);
  };
}

export function oneOf<const Word extends string>(flag: string, words: readonly Word[]): WordParser<Word> {
  const parse = (text: string): Word => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw invalid(flag, `one of ${words.join(', ')}`, text, didYouMean(text, words));
  };
  return Object.assign(parse, { words });
}

/** Counts characters as JSON Schema does: code points. */
export function textOf(flag: string, { minLength, maxLength }: TextLimits): (text: string) => string {
  return (text) => {
    const { length } = [...text];
    if (length >= minLength && length <= maxLength) return text;
    throw new UsageError(`${flag} must have ${minLength} to ${maxLength} characters, not ${length}.`);
  };
}

/** Only the server knows which agent answers, and which names that agent accepts. */
export function modelName(flag: string): (text: string) => string {
  return (text) => {
    if (/^\S{1,200}$/.test(text)) return text;
    throw invalid(flag, 'the name of a model, such as anthropic/claude-sonnet-5-5', text);
  };
}

/** Parses a flag that may be repeated. */
export interface RepeatedParser<T> {
  (text: string, all?: readonly T[]): readonly T[];
  readonly isRepeatable: true;
  readonly words?: readonly string[];
}

/** For a flag that may be repeated. */
export function repeated<T>(parse: ((text: string) => T) | WordParser<T>): RepeatedParser<T> {
  const parseMore = (text: string, all: readonly T[] = []): readonly T[] => [...all, parse(text)];
  const words = 'words' in parse ? { words: parse.words } : {};
  return Object.assign(parseMore, { isRepeatable: true as const, ...words });
}

/**
 * An event type, `group.*` or `*`. A host application may add its own types, which only the server knows. So this
 * rejects only patterns with a wrong form, and likely typos of the built-in types.
 */
export function eventPattern(flag: string): WordParser<string> {
  const groups = [...new Set(eventTypes.filter((type) => type.includes('.')).map(groupOf))];
  const known: readonly string[] = [...eventTypes, ...groups, '*'];
  const parse = (text: string): string => {
    if (known.includes(text)) return text;
    const suggestion = didYouMean(text, known);
    if (suggestion === '' && /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(?:[A-Za-z0-9_-]+|\*)$/.test(text))
      return text;
    throw invalid(flag, 'an event type such as run.complete, a group such as tool.*, or *', text, suggestion);
  };
  return Object.assign(parse, { words: known });
}

function groupOf(type: string): string {
  return `${type.slice(0, type.indexOf('.'))}.*`;
}

/** `expected` completes the sentence "… must be …". */
export function invalid(flag: string, expected: string, text: string, suggestion = ''): UsageError {
  return new UsageError(`${flag} must be ${expected}, not ${JSON.stringify(text)}${suggestion || '.'}`);
}
