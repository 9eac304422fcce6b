// `codebuddy tools`: lists the agent's tools and runs one without the agent.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { complain, print, printJson, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

export function define(tools: Command): void {
  withConnection(tools.command('list').description('List tools.')).action(
    async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.tools.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['NAME', 'READ ONLY', 'DESCRIPTION'],
          answer.tools.map(({ name, readOnly, description }) => [name, readOnly ? 'yes' : 'no', description]),
        );
      });
    },
  );
  withConnection(
    tools
      .command('run')
      .description('Run a tool.')
      .argument('<tool>', 'name of the tool')
      .argument('[parameters...]', 'name=value, converted to the type of the parameter, or name:=JSON')
      .option('--params <json>', 'parameters as a JSON object'),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy tools run read_file path=README.md
  codebuddy tools run search pattern='TODO|FIXME' glob='*.ts'
  codebuddy tools run bash --params '{"command":"npm test","timeoutMs":60000}'`,
    )
    .action(
      async (
        tool: string,
        pairs: readonly string[],
        options: ConnectionOptions & { readonly params?: string },
      ) => {
        const params = { ...readObject(options.params), ...readPairs(pairs) };
        await withClient(
          options,
          async (client, signal) => {
            const { result } = await client.tools.run(tool, params, { signal });
            if (options.json || typeof result !== 'string') printJson(result);
            else print(result);
            if (tool === 'bash') failAs(result);
          },
          'Running the tool',
        );
      },
    );
}

/** Fails if the command failed, for `&&` and CI. The result has the details. */
function failAs(result: unknown): void {
  if (typeof result !== 'object' || result === null || !('exitCode' in result) || result.exitCode === 0)
    return;
  const ended = result.exitCode === null ? 'was killed' : `ended with exit code ${String(result.exitCode)}`;
  complain(`codebuddy: The command ${ended}.`);
  process.exitCode = exitCodes.failed;
}

function readObject(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--params is not valid JSON: ${(error as Error).message}.`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UsageError('--params must be a JSON object.');
}

function readPairs(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^([A-Za-z_][A-Za-z0-9_]*)(:?=)(.*)$/s.exec(pair);
      if (match === null)
        throw new UsageError(`Parameters must be name=value or name:=JSON, not ${JSON.stringify(pair)}.`);
      const [, name = '', sign, value = ''] = match;
      return [name, sign === ':=' ? readJson(name, value) : value];
    }),
  );
}

function readJson(name: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new UsageError(`The parameter ${name} is not valid JSON: ${(error as Error).message}.`);
  }
}
