// A flag that fills a field of a request. Errors of the server name fields by JSON Pointer; `field-names.ts` turns them
// back into flags.

import { Option } from 'commander';

/** A parser may list the words that it accepts, and say that its flag may be repeated. */
export interface FlagParser<T> {
  (text: string, previous?: T): T;
  readonly words?: readonly string[];
  readonly isRepeatable?: boolean;
}

export interface FlagOptions<T> {
  /** The field of the request's query or body, with `/` between steps: `options/maxSteps`. */
  readonly field?: string;
  /** @throws UsageError */
  readonly parse?: FlagParser<T>;
  /** Values for completion scripts. @default those of `parse` */
  readonly words?: readonly string[];
  readonly defaultValue?: T;
  readonly isRequired?: boolean;
}

export class Flag<T = string> extends Option {
  readonly field: string | undefined;
  /** Values that completion scripts offer. */
  readonly words: readonly string[];
  readonly isRepeatable: boolean;

  constructor(
    syntax: string,
    help: string,
    { field, parse, words = parse?.words ?? [], defaultValue, isRequired = false }: FlagOptions<T> = {},
  ) {
    super(syntax, help);
    this.field = field;
    this.words = words;
    this.isRepeatable = parse?.isRepeatable === true;
    if (parse !== undefined) this.argParser(parse);
    if (defaultValue !== undefined) this.default(defaultValue);
    this.makeOptionMandatory(isRequired);
  }
}
