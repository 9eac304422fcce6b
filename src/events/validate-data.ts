// Validate the data of events against the catalogue. Schemas are compiled on first use, because the compiler takes 20
// ms to load.

import { createRequire } from 'node:module';
import type { Ajv2020 as AjvClass, ValidateFunction } from 'ajv/dist/2020.js';
import { CodeBuddyError } from '../base/errors.ts';
import { fieldFaults, fieldName, type SchemaError } from '../base/schema-errors.ts';
import { catalogue, isEventType } from '../contract/event-catalogue.ts';
import type { EventType } from '../contract/event-types.ts';
import { findUnsafe, type UnsafeValue } from './json-safety.ts';

const require = createRequire(import.meta.url);
const compiled = new Map<EventType, ValidateFunction>();
let ajv: AjvClass | undefined;

/** Events that a log accepts beside those of the catalogue. */
export interface DataRules {
  /** Further types, without a schema. */
  readonly ownTypes?: ReadonlySet<string>;
  /** Called for data that does not match its schema; the event is logged. Without it, the event is refused. */
  readonly onMisfit?: (type: EventType, misfit: CodeBuddyError) => void;
}

/**
 * Return the data of an event as JSON text, the text of an object or an array.
 * @throws CodeBuddyError `validation_failed` with all invalid fields, or the first that JSON cannot represent (a cycle, a
 * bigint, undefined, NaN)
 */
export function serializeData(type: string, data: unknown, { ownTypes, onMisfit }: DataRules = {}): string {
  const isKnown = typeof type === 'string' && isEventType(type);
  if (!isKnown && ownTypes?.has(type) !== true) {
    const message = `${JSON.stringify(type)} is not in the catalogue of event types${ownTypes === undefined ? '' : '; name your own types in the option eventTypes'}`;
    throw failed(String(type), [{ pointer: '/type', message }]);
  }
  const unsafe = findUnsafe(data);
  if (unsafe !== undefined) throw failed(type, [{ ...unsafe, pointer: `/data${unsafe.pointer}` }]);
  if (isKnown) {
    const validate = validatorFor(type);
    if (!validate(data)) {
      const misfit = failed(type, faultsOf(validate.errors ?? []));
      // Webhooks are found by the data of their own events.
      if (onMisfit === undefined || type.startsWith('webhook.')) throw misfit;
      onMisfit(type, misfit);
    }
  }
  const text = JSON.stringify(data);
  // Only for types of the host application, and misfits: all others have a schema.
  if (!text.startsWith('{') && !text.startsWith('['))
    throw failed(type, [{ pointer: '/data', message: 'must be an object' }]);
  return text;
}

function validatorFor(type: EventType): ValidateFunction {
  let validate = compiled.get(type);
  if (validate === undefined) {
    ajv ??= new (require('ajv/dist/2020').Ajv2020 as typeof AjvClass)({
      allErrors: true,
      allowUnionTypes: true,
      verbose: true,
      // A test checks the schemas. Here it would take longer than compiling one of them.
      validateSchema: false,
    });
    validate = ajv.compile(catalogue[type].data);
    compiled.set(type, validate);
  }
  return validate;
}

function faultsOf(errors: readonly SchemaError[]): readonly UnsafeValue[] {
  return fieldFaults(errors).map(({ pointer, message }) => ({ pointer: `/data${pointer}`, message }));
}

function failed(type: string, faults: readonly UnsafeValue[]): CodeBuddyError {
  const [first] = faults;
  return new CodeBuddyError(
    'validation_failed',
    `Invalid event ${type}: ${fieldName(first?.pointer ?? '')} ${first?.message}`,
    {
      errors: faults.map((fault) => ({ in: 'body' as const, ...fault })),
    },
  );
}
