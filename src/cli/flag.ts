// A flag that fills a field of a request. Errors of the server name fields by JSON Pointer; `field-names.ts` turns them back into flags.

import { Option } from 'commander';

export interface FlagOptions<T> {
  /** The field of the request's query or body, with `/` between steps: `options/maxSteps`. */
  readonly field?: string;
  /** @throws UsageError */
  readonly parse?: (text: string, previous?: T) => T;
  readonly defaultValue?: T;
  readonly isRequired?: boolean;
}

export class Flag<T = string> extends Option {
  readonly field: string | undefined;

  constructor(
    syntax: string,
    help: string,
    { field, parse, defaultValue, isRequired = false }: FlagOptions<T> = {},
  ) {
    super(syntax, help);
    this.field = field;
    if (parse !== undefined) this.argParser(parse);
    if (defaultValue !== undefined) this.default(defaultValue);
    this.makeOptionMandatory(isRequired);
  }
}
