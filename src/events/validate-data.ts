// Is this data what the catalogue says? Compiled on first use of each type, since the compiler alone takes 20 ms to load.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../errors.ts';
import { catalogue, type EventType } from './catalogue.ts';

const require = createRequire(import.meta.url);
const compiled = new Map<EventType, ValidateFunction>();
let ajv: AjvClass | undefined;

function validatorFor(type: EventType): ValidateFunction {
  let validate = compiled.get(type);
  if (validate === undefined) {
    ajv ??= new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({
      allErrors: true,
      allowUnionTypes: true,
    });
    validate = ajv.compile(catalogue[type].data);
    compiled.set(type, validate);
  }
  return validate;
}

/**
 * The JSON text of an event's data.
 * @throws CodeBuddyError `validation_failed` with every field that does not fit, also for what JSON cannot say (cycles, bigints).
 */
export function serializeData(type: EventType, data: unknown): string {
  const validate = validatorFor(type);
  if (!validate(data)) {
    const errors = (validate.errors ?? []).map((error) => ({
      in: 'body' as const,
      pointer: `/data${error.instancePath}`,
      message: error.message ?? 'does not fit',
    }));
    throw new CodeBuddyError(
      'validation_failed',
      `The data of ${type} does not fit: ${errors[0]?.pointer} ${errors[0]?.message}`,
      {
        errors,
      },
    );
  }
  try {
    return JSON.stringify(data);
  } catch (cause) {
    const message = `cannot be written as JSON: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`;
    throw new CodeBuddyError('validation_failed', `The data of ${type} ${message}`, {
      cause,
      errors: [{ in: 'body', pointer: '/data', message }],
    });
  }
}
