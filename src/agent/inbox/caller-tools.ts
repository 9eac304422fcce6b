// The tools that the caller of a prompt offers: checked when the prompt arrives, and their parameters at each call.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../../base/errors.ts';
import { fieldFaults, fieldName } from '../../base/schema-errors.ts';
import { shorten } from '../../base/text.ts';
import type { CallerTool } from '../../contract/tool-call.ts';
import { compileLinear } from '../tools/linear-pattern.ts';
import { askUserName } from './ask-user.ts';

const require = createRequire(import.meta.url);

/** Characters of a schema as JSON. */
const maxSchemaLength = 65_536;
/** Faults that a message names. */
const maxNamedFaults = 5;

const validators = new WeakMap<CallerTool, ValidateFunction>();

/** A pattern of a caller must not be able to stop the server. */
const linearPatterns = Object.assign(
  (source: string) => {
    const pattern = compileLinear(source, { ignoreCase: false });
    return { test: (text: string) => pattern.matches(text) };
  },
  { code: 'linearPatterns' },
);

function compile({ schema }: CallerTool): ValidateFunction {
  const Ajv = require('ajv/dist/2020').Ajv2020 as typeof AjvClass;
  // One for each schema: they may have the same $id.
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    validateFormats: false,
    inlineRefs: false,
    logger: false,
    code: { regExp: linearPatterns },
  });
  return ajv.compile(schema);
}

function validatorOf(tool: CallerTool): ValidateFunction {
  let validator = validators.get(tool);
  if (validator === undefined) {
    validator = compile(tool);
    validators.set(tool, validator);
  }
  return validator;
}

/**
 * `isTaken`: whether the server has a tool of this name.
 * @throws CodeBuddyError `validation_failed`, naming each field
 */
export function checkCallerTools(tools: readonly CallerTool[], isTaken: (name: string) => boolean): void {
  const errors = tools.flatMap((tool, index) => {
    const message = nameFault(tool, tools.slice(0, index), isTaken);
    const schema = schemaFault(tool);
    return [
      ...(message === undefined ? [] : [{ pointer: `/tools/${index}/name`, message }]),
      ...(schema === undefined ? [] : [{ pointer: `/tools/${index}/schema`, message: schema }]),
    ];
  });
  if (errors.length === 0) return;
  const text = errors.map(({ pointer, message }) => `${fieldName(pointer)} ${message}`).join('; ');
  throw new CodeBuddyError('validation_failed', `${text}.`, {
    errors: errors.map((error) => ({ in: 'body' as const, ...error })),
  });
}

function nameFault(
  { name }: CallerTool,
  before: readonly CallerTool[],
  isTaken: (name: string) => boolean,
): string | undefined {
  if (name === askUserName || isTaken(name))
    return `must not be ${JSON.stringify(name)}: the server has a tool of this name`;
  if (before.some((other) => other.name === name))
    return `must not be ${JSON.stringify(name)}: another tool of the prompt has this name`;
  return undefined;
}

function schemaFault(tool: CallerTool): string | undefined {
  const { schema } = tool;
  if (schema.type !== 'object') return 'must have the type "object"';
  const { length } = JSON.stringify(schema);
  if (length > maxSchemaLength)
    return `must have at most ${maxSchemaLength} characters as JSON; it has ${length}`;
  try {
    validatorOf(tool);
    return undefined;
  } catch (error) {
    return `must be a valid JSON Schema: ${shorten(error instanceof Error ? error.message : String(error), 300)}`;
  }
}

/** @throws CodeBuddyError `validation_failed`, for the model */
export function checkParams(tool: CallerTool, params: Readonly<Record<string, unknown>>): void {
  const validate = validatorOf(tool);
  if (validate(params)) return;
  const named = fieldFaults(validate.errors ?? [])
    .slice(0, maxNamedFaults)
    .map(({ pointer, message }) => `${fieldName(pointer)} ${message}`.trim())
    .join('; ');
  throw new CodeBuddyError('validation_failed', `${tool.name}: ${named}`);
}
