// Checks answers against the JSON Schema of `options.format`. The schema comes from a client, so patterns run in linear
// time, and each schema has a compiler of its own, since ids must not meet.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError, type FieldError } from '../../base/errors.ts';
import { fieldFaults, fieldName, type SchemaError } from '../../base/schema-errors.ts';
import type { OutputFormat } from '../../contract/output-format.ts';
import { compileLinear } from '../tools/linear-pattern.ts';
import { readJson } from './read-json.ts';

const require = createRequire(import.meta.url);

const maxSchemaLength = 65_536;
/** Nested deeper, the compiler might exhaust the stack. */
const maxDepth = 64;
/** Faults that one text names. */
const maxNamed = 10;
const place = '/options/format/schema';

export type CheckedOutput =
  | { readonly kind: 'valid'; readonly data: unknown }
  /** `fault`: completes "The answer …". */
  | { readonly kind: 'invalid'; readonly fault: string };

export type OutputCheck = (answer: string) => CheckedOutput;

/** @throws CodeBuddyError `validation_failed` that names the invalid place of the schema */
export function createOutputCheck({ schema }: Pick<OutputFormat, 'schema'>): OutputCheck {
  const validate = compile(schema);
  return (answer) => {
    const json = readJson(answer);
    if (json === undefined) return { kind: 'invalid', fault: 'is not JSON' };
    if (validate(json.value)) return { kind: 'valid', data: json.value };
    const named = fieldFaults((validate.errors ?? []).slice(0, 100))
      .slice(0, maxNamed)
      .map(({ pointer, message }) => `${pointer === '' ? 'the value' : fieldName(pointer)} ${message}`);
    return { kind: 'invalid', fault: `does not match the JSON Schema: ${named.join('; ')}` };
  };
}

function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  const text = JSON.stringify(schema);
  if (text.length > maxSchemaLength)
    throw invalid(place, `must have at most ${maxSchemaLength} characters as JSON, not ${text.length}`);
  if (depthOf(schema) > maxDepth) throw invalid(place, `must be nested at most ${maxDepth} levels deep`);
  if (Object.hasOwn(schema, '$async')) throw invalid(`${place}/$async`, 'is not a known field');
  const ajv = new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({
    allErrors: true,
    verbose: true,
    strict: false,
    validateFormats: false,
    logger: false,
    code: { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) },
  });
  // Schemas of other drafts mostly mean the same; a keyword that does not is refused below.
  const { $schema: _, ...rest } = schema;
  if (ajv.validateSchema(rest) !== true) {
    const errors = fieldFaults((ajv.errors ?? []) as readonly SchemaError[]).map(
      ({ pointer, message }): FieldError => ({ in: 'body', pointer: place + pointer, message }),
    );
    throw invalidFields(errors);
  }
  try {
    return ajv.compile(rest);
  } catch (error) {
    throw invalid(place, `cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function linearPattern(source: string) {
  const pattern = compileLinear(source, { ignoreCase: false });
  // Ajv keeps one pattern for each text.
  return { test: pattern.matches, toString: () => `/${source}/u` };
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let level: readonly unknown[] = [value]; level.length > 0 && depth <= maxDepth; depth++)
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  return depth;
}

function invalid(pointer: string, message: string): CodeBuddyError {
  return invalidFields([{ in: 'body', pointer, message }]);
}

function invalidFields(errors: readonly FieldError[]): CodeBuddyError {
  const named = errors.slice(0, 3).map(({ pointer, message }) => `${fieldName(pointer)} ${message}`);
  return new CodeBuddyError('validation_failed', `${named.join('; ')}.`, { errors });
}

/** The error of a run whose last answer is not valid. */
export function outputInvalid(fault: string, response: string, why: string): CodeBuddyError {
  return new CodeBuddyError('output_invalid', `The answer ${fault}. ${why}`, { response });
}
