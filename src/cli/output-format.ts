// `--output-format`: how `codebuddy prompt` prints the answer. `--json` is short for `json`.

import { UsageError } from './usage-error.ts';

export const outputFormats = ['text', 'json', 'stream-json'] as const;

/** `stream-json`: each event as a line, as it happens. */
export type OutputFormat = (typeof outputFormats)[number];

export function outputFormatOf({
  json = false,
  outputFormat,
}: {
  readonly json?: boolean;
  readonly outputFormat?: OutputFormat;
}): OutputFormat {
  if (json && outputFormat !== undefined && outputFormat !== 'json')
    throw new UsageError(`--json and --output-format ${outputFormat} exclude each other.`);
  return outputFormat ?? (json ? 'json' : 'text');
}

/** Whether these arguments ask for JSON. Called before parsing, so that errors in the arguments are JSON, too. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const flags = end === -1 ? args : args.slice(0, end);
  return flags.some((flag, index) => {
    if (flag === '--json') return true;
    const format = flag === '--output-format' ? flags[index + 1] : /^--output-format=(.*)$/.exec(flag)?.[1];
    return format === 'json' || format === 'stream-json';
  });
}
