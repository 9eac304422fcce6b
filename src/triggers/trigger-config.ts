// Checks a trigger's configuration, for the API and triggers.json. All faults are reported at once, each with the field
// that it concerns.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError, type FieldError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import { escapePointer } from '../base/json-pointer.ts';
import { fieldFaults } from '../base/schema-errors.ts';
import { type TriggerEntry, triggerEntrySchema } from '../contract/trigger.ts';
import { type TriggerSource, triggerDefaults, triggerSources } from '../contract/trigger-input.ts';
import { scheduleFault } from './schedule.ts';
import { parseTemplate, payloadFields, type Template } from './template.ts';

/** A complete configuration, with defaults filled in. */
export interface TriggerConfig
  extends Omit<TriggerEntry, 'name' | 'description' | 'enabled' | 'data' | 'sessionKey' | 'coalesceKey'> {
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  /** Null: all fields. */
  readonly data: readonly string[] | null;
  readonly sessionKey: string | null;
  readonly coalesceKey: string | null;
  readonly filter: NonNullable<TriggerEntry['filter']>;
  readonly limits: NonNullable<TriggerEntry['limits']> & {
    readonly perMinute: number;
    readonly perHour: number;
  };
  readonly options: NonNullable<TriggerEntry['options']>;
  readonly templates: Templates;
}

interface Templates {
  readonly prompt: Template;
  readonly sessionKey: Template | undefined;
  readonly coalesceKey: Template | undefined;
}

type Faults = (pointer: string, message: string) => void;

/** The sources whose payloads have what a filter compares. */
const filterSources = {
  branches: ['github', 'gitlab'],
  labels: ['github', 'gitlab'],
  actors: ['github', 'gitlab', 'slack'],
  authorAssociations: ['github'],
} as const satisfies Readonly<Record<string, readonly TriggerSource[]>>;

let validator: ValidateFunction<TriggerEntry> | undefined;

/**
 * Check an entry and fill in defaults.
 *
 * @throws CodeBuddyError `validation_failed` with one error for each invalid field
 */
export function parseTrigger(input: unknown): TriggerConfig {
  const validate = validatorOf();
  if (!validate(input)) {
    throw invalid(fieldFaults(validate.errors ?? []).map((fault) => ({ in: 'body', ...fault })));
  }
  const errors: FieldError[] = [];
  const fault: Faults = (pointer, message) => errors.push({ in: 'body', pointer, message });
  const templates = checkTemplates(input, fault);
  if (input.source === 'schedule') checkSchedule(input, templates, fault);
  else checkSender(input, fault);
  if (errors.length > 0) throw invalid(errors);
  const { perMinute = triggerDefaults.perMinute, perHour = triggerDefaults.perHour } = input.limits ?? {};
  return {
    ...input,
    name: input.name ?? input.source,
    description: input.description ?? '',
    enabled: input.enabled ?? true,
    data: input.data ?? null,
    sessionKey: input.sessionKey ?? null,
    coalesceKey: input.coalesceKey ?? null,
    filter: input.filter ?? {},
    limits: { ...input.limits, perMinute, perHour },
    options: input.options ?? {},
    templates,
  };
}

function validatorOf(): ValidateFunction<TriggerEntry> {
  if (validator === undefined) {
    const { Ajv2020 } = createRequire(import.meta.url)('ajv/dist/2020') as {
      readonly Ajv2020: typeof AjvClass;
    };
    const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, verbose: true, validateSchema: false });
    validator = ajv.compile<TriggerEntry>(triggerEntrySchema);
  }
  return validator;
}

function checkTemplates(input: TriggerEntry, fault: Faults): Templates {
  const parsed = (field: 'prompt' | 'sessionKey' | 'coalesceKey'): Template | undefined => {
    const text = input[field];
    if (text === undefined || text === null) return undefined;
    try {
      return parseTemplate(text);
    } catch (error) {
      fault(`/${field}`, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  return {
    prompt: parsed('prompt') ?? [],
    sessionKey: parsed('sessionKey'),
    coalesceKey: parsed('coalesceKey'),
  };
}

function checkSchedule(input: TriggerEntry, templates: Templates, fault: Faults): void {
  if (input.schedule === undefined) fault('/schedule', 'is required for the source schedule');
  else {
    const found = scheduleFault(input.schedule);
    if (found !== undefined) fault(`/schedule/${found.field}`, found.message);
  }
  for (const field of ['secret', 'filter', 'signature', 'data'] as const)
    if ((input[field] ?? null) !== null) fault(`/${field}`, 'cannot be set for the source schedule');
  for (const [field, template] of Object.entries(templates)) {
    const [first] = payloadFields(template ?? []);
    if (first !== undefined)
      fault(`/${field}`, `has the field ${first}, but a schedule has no payload; use {{$time}}`);
  }
}

function checkSender(input: TriggerEntry, fault: Faults): void {
  const { source, secret, filter = {} } = input;
  if (input.schedule !== undefined) fault('/schedule', 'is for the source schedule only');
  if (input.signature !== undefined && source !== 'hmac')
    fault('/signature', 'is for the source hmac only; the other sources have their own signatures');
  if (secret === undefined) {
    const where = source === 'slack' ? ': copy the signing secret of the Slack app' : '';
    fault('/secret', `is required${where}`);
  } else {
    const message = secretFault(secret);
    if (message !== undefined) fault('/secret', message);
  }
  for (const [field, known] of Object.entries(filterSources))
    if (Object.hasOwn(filter, field) && !known.some((one) => one === source))
      fault(
        `/filter/${escapePointer(field)}`,
        `is known for ${known.join(', ')} only; use /filter/fields for the source ${source}`,
      );
}

/** Secrets of Standard Webhooks are base64 after their prefix. */
function secretFault(secret: string): string | undefined {
  if (!secret.startsWith('whsec_')) return undefined;
  const text = secret.slice('whsec_'.length);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return 'must be base64 after whsec_';
  return bytes.length >= 16 ? undefined : `must have at least 16 bytes after whsec_; it has ${bytes.length}`;
}

/** The valid fields of an entry that cannot be used, to show it. */
export function readRefusedTrigger(entry: unknown, id: string): TriggerConfig {
  const given = isRecord(entry) ? entry : {};
  const textOf = (name: string, fallback: string): string => {
    const value = given[name];
    return typeof value === 'string' ? value.slice(0, 2000) : fallback;
  };
  const source = triggerSources.find((one) => one === given.source) ?? 'bearer';
  return {
    id,
    source,
    name: textOf('name', id),
    description: textOf('description', ''),
    enabled: given.enabled !== false,
    prompt: textOf('prompt', ''),
    data: null,
    sessionKey: null,
    coalesceKey: null,
    filter: {},
    limits: { ...triggerDefaults },
    options: {},
    templates: { prompt: [], sessionKey: undefined, coalesceKey: undefined },
  };
}

function invalid(errors: readonly FieldError[]): CodeBuddyError {
  const words = errors.slice(0, 5).map(({ pointer, message }) => `${pointer || 'the trigger'} ${message}`);
  return new CodeBuddyError('validation_failed', `Invalid trigger: ${words.join('; ')}`, { errors });
}
