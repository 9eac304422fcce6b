// Compiles a route's JSON Schemas to validators (Ajv) and serializers (fast-json-stringify) on their first use: both
// packages take longer to load than the rest of the server. Query and path values are coerced from text; bodies never
// are.

import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';

const require = createRequire(import.meta.url);

type Ajv = InstanceType<typeof import('ajv/dist/2020.js').default>;

const compilers = new Map<string, Ajv>();

function ajv(coerceTypes: boolean, allErrors: boolean): Ajv {
  const key = `${coerceTypes} ${allErrors}`;
  let made = compilers.get(key);
  if (made === undefined) {
    const { Ajv2020 } = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
    const { default: addFormats } = require('ajv-formats') as typeof import('ajv-formats');
    made = new Ajv2020({
      coerceTypes,
      allErrors,
      useDefaults: true,
      // A host application's routes may use keywords and formats that Ajv does not know.
      strict: false,
      addUsedSchema: false,
      // Compiling the schema of schemas takes longer than all else that a first request needs. Tests check the server's
      // own schemas, `compileAddedValidator` those of added routes.
      validateSchema: false,
      // Error messages need the schema of the field (base/schema-errors.ts).
      verbose: true,
    });
    addFormats.default(made);
    compilers.set(key, made);
  }
  return made;
}

/** Collecting every error of a larger value costs more than it is worth: only the first is reported. */
const maxNodesForAllErrors = 5_000;

/** The validator compiler for Fastify. Compiles on first use. */
export const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  const coerceTypes = httpPart !== 'body';
  let quick: ValidateFunction | undefined;
  let thorough: ValidateFunction | undefined;
  return (data: unknown) => {
    quick ??= ajv(coerceTypes, false).compile(schema);
    if (quick(data)) return true;
    let errors: ErrorObject[] | null | undefined = quick.errors;
    if (hasAtMostNodes(data, maxNodesForAllErrors)) {
      thorough ??= ajv(coerceTypes, true).compile(schema);
      thorough(data);
      errors = thorough.errors ?? errors;
    }
    return { error: Object.assign(new Error('Validation failed'), { validation: errors ?? [] }) };
  };
};

/** For routes of a host application: a request fails if the schema of its route is invalid. */
export const compileAddedValidator: FastifySchemaCompiler<object> = (route) => {
  const validate = compileValidator(route);
  let isChecked = false;
  return (data: unknown) => {
    if (!isChecked) void ajv(false, false).validateSchema(route.schema, true);
    isChecked = true;
    return validate(data);
  };
};

function hasAtMostNodes(root: unknown, max: number): boolean {
  const pending: unknown[] = [root];
  let count = 0;
  while (pending.length > 0) {
    const node = pending.pop();
    if (++count > max) return false;
    if (typeof node !== 'object' || node === null) continue;
    const children = Object.values(node);
    if (count + children.length > max) return false;
    pending.push(...children);
  }
  return true;
}

/** The serializer compiler for Fastify. Compiles on first use. */
export const compileSerializer: FastifySerializerCompiler<object> = ({ schema }) => {
  let serialize: ((data: unknown) => string) | undefined;
  return (data: unknown) => {
    if (serialize === undefined) {
      const build = require('fast-json-stringify') as typeof import('fast-json-stringify').default;
      serialize = build(schema as Parameters<typeof build>[0]);
    }
    return serialize(data);
  };
};
