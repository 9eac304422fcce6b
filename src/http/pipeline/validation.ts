// Schemas to functions, on their first use: Ajv (JSON Schema 2020-12) and fast-json-stringify cost more to load than the rest
// of the server, and most processes use few routes. Queries and paths are coerced (all they have is text), bodies never.

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
    // Not strict: a host's own routes bring their own schemas.
    made = new Ajv2020({ coerceTypes, allErrors, useDefaults: true, strict: false, addUsedSchema: false });
    addFormats.default(made);
    compilers.set(key, made);
  }
  return made;
}

/** Collecting every misfit of a larger value would cost more than it tells. */
const maxNodesForAllErrors = 5_000;

/** Fastify's validator compiler. */
export const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  const coerceTypes = httpPart !== 'body';
  let quick: ValidateFunction | undefined;
  let thorough: ValidateFunction | undefined;
  return (data: unknown) => {
    quick ??= ajv(coerceTypes, false).compile(schema);
    if (quick(data)) return true;
    let misfits: ErrorObject[] | null | undefined = quick.errors;
    if (hasAtMostNodes(data, maxNodesForAllErrors)) {
      thorough ??= ajv(coerceTypes, true).compile(schema);
      thorough(data);
      misfits = thorough.errors ?? misfits;
    }
    return { error: Object.assign(new Error('The input does not fit'), { validation: misfits ?? [] }) };
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

/** Fastify's serializer compiler. */
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
