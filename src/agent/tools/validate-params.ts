// Checks the parameters of a built-in tool against its JSON Schema. Each schema is compiled on first use, because Ajv
// takes 20 ms to load.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../../base/errors.ts';
import { fieldFaults, fieldName } from '../../base/schema-errors.ts';
import type { Tool } from './tool.ts';

const require = createRequire(import.meta.url);

/** More than any tool has. Beyond, unknown parameters are counted, not named one by one. */
const maxParameters = 100;
/** Faults that the message names; `errors` has all of them. */
const maxNamedFaults = 5;

const compiled = new Map<Tool, ValidateFunction>();
let ajv: AjvClass | undefined;

function validatorOf(tool: Tool): ValidateFunction {
  let validator = compiled.get(tool);
  if (validator === undefined) {
    ajv ??= new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({
      allErrors: true,
      verbose: true,
      // A test checks the schemas. Here it would take longer than compiling all of them.
      validateSchema: false,
    });
    validator = ajv.compile(tool.inputSchema);
    compiled.set(tool, validator);
  }
  return validator;
}

/** Throws CodeBuddyError `validation_failed` if the parameters do not fit the tool's schema. */
export function validateParams(tool: Tool, params: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(params);
  if (names.length > maxParameters) {
    const known = Object.keys(tool.inputSchema.properties ?? {}).join(', ');
    const message = `has ${names.length} parameters; ${tool.name} takes ${known}`;
    throw new CodeBuddyError('validation_failed', `${tool.name}: ${message}`, {
      errors: [{ in: 'body', pointer: '', message }],
    });
  }
  const validate = validatorOf(tool);
  if (validate(params)) return;
  const errors = fieldFaults(validate.errors ?? []).map((fault) => ({ in: 'body' as const, ...fault }));
  const named = errors
    .slice(0, maxNamedFaults)
    .map(({ pointer, message }) => `${fieldName(pointer).slice(0, 200)} ${message}`)
    .join('; ');
  const more = errors.length > maxNamedFaults ? ` and ${errors.length - maxNamedFaults} more` : '';
  throw new CodeBuddyError('validation_failed', `${tool.name}: ${named}${more}`, { errors });
}
