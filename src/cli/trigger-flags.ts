// The flags of `triggers create` and `triggers update` that set fields of the trigger, and the fields that they set.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileFault } from '../base/file-errors.ts';
import { type TriggerInput, triggerInputSchema } from '../contract/trigger-input.ts';
import { limits as fieldLimits } from './field-limits.ts';
import { Flag } from './flag.ts';
import { invalid, modelName, oneOf, repeated, textOf, wholeNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

export interface TriggerFieldOptions {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly name?: string;
  readonly description?: string;
  readonly events?: readonly string[];
  readonly branch?: readonly string[];
  readonly label?: readonly string[];
  readonly actor?: readonly string[];
  readonly authorAssociation?: readonly string[];
  readonly where?: readonly string[];
  readonly data?: readonly string[];
  readonly quoteData?: boolean;
  readonly allData?: boolean;
  readonly sessionKey?: string;
  readonly newSession?: boolean;
  readonly coalesceKey?: string;
  readonly coalesce?: boolean;
  readonly perMinute?: number;
  readonly perHour?: number;
  readonly costPerDay?: number;
  readonly model?: string;
  readonly maxSteps?: number;
  readonly maxCost?: number;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly missed?: 'once' | 'skip';
  readonly signatureHeader?: string;
  readonly signaturePrefix?: string;
  readonly signatureEncoding?: 'hex' | 'base64';
  readonly timestampHeader?: string;
  readonly timestampField?: string;
  readonly identityField?: string;
  readonly eventField?: string;
}

const { name, description, prompt } = triggerInputSchema.properties;
const { perMinute, perHour } = triggerInputSchema.properties.limits.properties;

/** Adds the flags. */
export function withTriggerFields(command: Command): Command {
  const flags = [
    new Flag('--prompt <text>', 'the task; {{pull_request.number}} is a field of the payload', {
      field: 'prompt',
      parse: textOf('--prompt', prompt),
    }),
    new Flag('--prompt-file <file>', 'file with the task'),
    new Flag('--name <name>', 'name of the trigger', { field: 'name', parse: textOf('--name', name) }),
    new Flag('--description <text>', 'description', {
      field: 'description',
      parse: textOf('--description', { minLength: 0, ...description }),
    }),
    list('--events <events>', 'only these events, such as pull_request.opened', 'filter/events'),
    list('--branch <branches>', 'only these branches, such as main or release/*', 'filter/branches'),
    list('--label <labels>', 'only with one of these labels', 'filter/labels'),
    list('--actor <accounts>', 'only if one of these accounts caused the event', 'filter/actors'),
    list(
      '--author-association <words>',
      'GitHub: only OWNER, MEMBER, COLLABORATOR, …',
      'filter/authorAssociations',
    ),
    new Flag('--where <field=value>', 'only if a field of the payload has this value; may be repeated', {
      field: 'filter/fields',
      parse: repeated((text: string) => text),
    }),
    list('--data <fields>', 'fields of the payload that the prompt quotes (default: all)', 'data'),
    new Flag('--no-quote-data', 'quote no field of the payload'),
    new Flag('--all-data', 'quote all fields of the payload (default)'),
    new Flag('--session-key <template>', 'continue one session for each value, such as pr-{{number}}', {
      field: 'sessionKey',
    }),
    new Flag('--new-session', 'start a new session for each call (default)'),
    new Flag('--coalesce-key <template>', 'replace a queued run with the same value, such as {{number}}', {
      field: 'coalesceKey',
    }),
    new Flag('--no-coalesce', 'replace no queued runs (default)'),
    new Flag('--per-minute <n>', 'runs that may start within a minute', {
      field: 'limits/perMinute',
      parse: wholeNumber('--per-minute', perMinute),
    }),
    new Flag('--per-hour <n>', 'runs that may start within an hour', {
      field: 'limits/perHour',
      parse: wholeNumber('--per-hour', perHour),
    }),
    new Flag('--cost-per-day <dollars>', 'US dollars that the runs of a day may cost', {
      field: 'limits/costPerDay',
      parse: dollars('--cost-per-day'),
    }),
    new Flag('--model <model>', 'model of the runs (default: that of the server)', {
      field: 'options/model',
      parse: modelName('--model'),
    }),
    new Flag('--max-steps <n>', 'maximum number of model calls of a run', {
      field: 'options/maxSteps',
      parse: wholeNumber('--max-steps', fieldLimits.maxSteps),
    }),
    new Flag('--max-cost <dollars>', 'maximum cost of a run in US dollars', {
      field: 'options/maxCost',
      parse: dollars('--max-cost'),
    }),
    new Flag('--cron <expression>', "schedule: when it starts a run, such as '0 9 * * 1-5'", {
      field: 'schedule/cron',
    }),
    new Flag('--time-zone <zone>', 'schedule: its time zone, such as Europe/Berlin (default: UTC)', {
      field: 'schedule/timeZone',
    }),
    new Flag('--missed <how>', 'schedule: after times while the server was stopped, run once or skip them', {
      field: 'schedule/missed',
      parse: oneOf('--missed', ['once', 'skip']),
    }),
    new Flag('--signature-header <name>', 'hmac: header with the signature (default: X-Signature)', {
      field: 'signature/header',
    }),
    new Flag('--signature-prefix <text>', 'hmac: text before the signature, such as sha256=', {
      field: 'signature/prefix',
    }),
    new Flag('--signature-encoding <encoding>', 'hmac: hex (default) or base64', {
      field: 'signature/encoding',
      parse: oneOf('--signature-encoding', ['hex', 'base64']),
    }),
    new Flag('--timestamp-header <name>', 'hmac: header with the time, which is signed as TIME.BODY', {
      field: 'signature/timestampHeader',
    }),
    new Flag('--timestamp-field <field>', 'hmac: field of the body with the time', {
      field: 'signature/timestampField',
    }),
    new Flag('--identity-field <field>', 'hmac: field of the body that identifies a call', {
      field: 'signature/identityField',
    }),
    new Flag('--event-field <field>', 'hmac: field of the body that names the event (default: type)', {
      field: 'signature/eventField',
    }),
  ];
  for (const flag of flags) command.addOption(flag);
  return command;
}

/** A flag with a list: separated by commas, and the flag may be repeated. */
function list(syntax: string, help: string, field: string): Flag<readonly string[]> {
  const parse = (text: string, all: readonly string[] = []): readonly string[] => [
    ...all,
    ...text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  ];
  return new Flag(syntax, `${help}; separated by commas`, {
    field,
    parse: Object.assign(parse, { isRepeatable: true as const }),
  });
}

function dollars(flag: string): (text: string) => number {
  return (text) => {
    const amount = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && amount > 0) return amount;
    throw invalid(flag, 'an amount of US dollars such as 0.5', text);
  };
}

/** The fields that are set; objects are left out if none of their fields is. @throws UsageError */
export function readTriggerFields(options: TriggerFieldOptions): Partial<TriggerInput> {
  const { name, description, model, maxSteps, maxCost } = options;
  const prompt = readPrompt(options);
  const fields = {
    prompt,
    name,
    description,
    data: readData(options),
    sessionKey: options.newSession ? null : options.sessionKey,
    coalesceKey: options.coalesce === false ? null : options.coalesceKey,
    filter: some({
      events: options.events,
      branches: options.branch,
      labels: options.label,
      actors: options.actor,
      authorAssociations: options.authorAssociation,
      fields: options.where === undefined ? undefined : readWhere(options.where),
    }),
    limits: some({
      perMinute: options.perMinute,
      perHour: options.perHour,
      costPerDay: options.costPerDay,
    }),
    options: some({ model, maxSteps, maxCost }),
    schedule: options.cron === undefined ? undefined : { cron: options.cron, ...readZone(options) },
    signature: some({
      header: options.signatureHeader,
      prefix: options.signaturePrefix,
      encoding: options.signatureEncoding,
      timestampHeader: options.timestampHeader,
      timestampField: options.timestampField,
      identityField: options.identityField,
      eventField: options.eventField,
    }),
  };
  if (fields.schedule === undefined && some(readZone(options)) !== undefined)
    throw new UsageError('--time-zone and --missed need --cron.');
  return some(fields) ?? {};
}

/** @throws UsageError */
function readData({ data, quoteData, allData }: TriggerFieldOptions): readonly string[] | null | undefined {
  const given = [data !== undefined, quoteData === false, allData === true].filter(Boolean);
  if (given.length > 1) throw new UsageError('Use one of --data, --no-quote-data and --all-data.');
  if (allData === true) return null;
  return quoteData === false ? [] : data;
}

function readZone({ timeZone, missed }: TriggerFieldOptions) {
  return {
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(missed === undefined ? {} : { missed }),
  };
}

function readPrompt({ prompt, promptFile }: TriggerFieldOptions): string | undefined {
  if (promptFile === undefined) return prompt;
  if (prompt !== undefined) throw new UsageError('--prompt and --prompt-file cannot be combined.');
  try {
    return readFileSync(promptFile, 'utf8').trimEnd();
  } catch (error) {
    throw new UsageError(`--prompt-file ${promptFile} cannot be read: ${fileFault(error)}.`);
  }
}

/** @throws UsageError */
function readWhere(conditions: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const fields: Record<string, string[]> = {};
  for (const condition of conditions) {
    const at = condition.indexOf('=');
    if (at < 1) throw invalid('--where', 'a field and its value, such as action=opened', condition);
    const field = condition.slice(0, at);
    fields[field] = [...(fields[field] ?? []), condition.slice(at + 1)];
  }
  return fields;
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that are set; undefined if none is. */
function some<T extends object>(fields: T): Defined<T> | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Defined<T>);
}
