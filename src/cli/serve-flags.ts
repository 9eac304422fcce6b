// The flags of `codebuddy serve`, separate from its action: `codebuddy completion` needs the flags, but only the bundle
// of the server has the action.

import type { Command } from 'commander';
import { withSettings } from './setting-flags.ts';

export function define(serve: Command): void {
  withSettings(serve)
    .description(
      'Start the server. A flag overrides the environment variable in parentheses, which overrides config.json.',
    )
    .option('--json', 'print the URL and the key file as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy serve
  codebuddy serve --port 0 --workspace ~/project
  CODEBUDDY_HOME=/srv/codebuddy codebuddy serve --host 0.0.0.0 --allowed-host build.example.org`,
    );
}
