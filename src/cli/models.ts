// `codebuddy models`: the models that could answer, which one was chosen and why.

import type { Command } from 'commander';
import type { Models } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

type Model = Models['models'][number];

export function define(models: Command): void {
  withConnection(models)
    .description('List the models that could answer, in the order in which they are tried.')
    .addHelpText(
      'after',
      `
Prices are in US dollars per million tokens of input and output.
READY is "no answer" for a server of this machine or its network that does not answer.
CAN says what the model can do; a ? follows what is not known: vision means images, schema structured output.
USE is default (answers prompts that name no model), fallback (answers if those before it fail) or by name
(answers prompts with --model).

Examples:
  codebuddy models
  codebuddy models --json | jq -r '.models[] | select(.ready) | .id'`,
    )
    .action(async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.models.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['MODEL', 'USE', 'READY', 'CONTEXT', 'PRICE IN/OUT', 'CAN', 'DETAIL'],
          answer.models.map((model) => [
            model.id,
            model.use === 'by_name' ? 'by name' : model.use,
            readyOf(model),
            contextOf(model),
            priceOf(model),
            abilitiesOf(model),
            model.detail,
          ]),
        );
        const [first] = answer.models;
        if (first !== undefined)
          print(`\n${paint('bold', oneLine(first.id))} was chosen: ${oneLine(answer.reason)}`);
        print(paint('dim', 'To choose another one: codebuddy config set model MODEL'));
      });
    });
}

function readyOf({ ready, reachable }: Model): string {
  if (!ready) return 'no';
  return reachable === false ? 'no answer' : 'yes';
}

/** `tools, vision`; a `?` follows what is not known. */
function abilitiesOf({ can }: Model): string {
  const words = {
    tools: 'tools',
    vision: 'vision',
    structuredOutput: 'schema',
    reasoning: 'reasoning',
  } as const;
  const known = Object.entries(words).flatMap(([ability, word]) => {
    const has = can[ability as keyof typeof words];
    return has === false ? [] : [has === null ? `${word}?` : word];
  });
  return known.join(', ') || '-';
}

/** `200k`, `1M`; `-` if it is not known. */
function contextOf({ contextWindow }: Model): string {
  if (contextWindow === null) return '-';
  if (contextWindow < 1000) return String(contextWindow);
  const [divisor, unit] = contextWindow < 1_000_000 ? [1000, 'k'] : [1_000_000, 'M'];
  return `${Number((contextWindow / divisor).toFixed(1))}${unit}`;
}

function priceOf({ price }: Model): string {
  return price === null ? '-' : `$${price.input} / $${price.output}`;
}
