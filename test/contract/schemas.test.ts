// The schemas of the contract: each is valid, and its type matches it.

import { readdirSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { isRecord } from '../../src/base/is-record.ts';
import type { DeliveryAttempt } from '../../src/contract/delivery.ts';
import type { LoggedEvent } from '../../src/contract/event.ts';
import { catalogue } from '../../src/contract/event-catalogue.ts';
import type { Message } from '../../src/contract/message.ts';
import type { Permission } from '../../src/contract/permission.ts';
import type { PromptOptions } from '../../src/contract/prompt-options.ts';
import type { SchemaType } from '../../src/contract/schema-type.ts';
import type { Session } from '../../src/contract/session.ts';
import type { Webhook } from '../../src/contract/webhook.ts';

const folder = new URL('../../src/contract/', import.meta.url);

/** Every schema below `node` that names its properties, with its path. */
function objectSchemas(node: unknown, path: string): readonly (readonly [string, Record<string, unknown>])[] {
  if (!isRecord(node)) return [];
  const inner = Object.entries(node).flatMap(([name, value]) => objectSchemas(value, `${path}.${name}`));
  return isRecord(node.properties) ? [[path, node], ...inner] : inner;
}

async function allSchemas(): Promise<readonly (readonly [string, Record<string, unknown>])[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const modules = await Promise.all(files.map((name) => import(new URL(name, folder).href)));
  return modules.flatMap((module, index) => objectSchemas({ ...module }, files[index] ?? ''));
}

describe('the schemas of the contract', () => {
  it('require only fields that they describe', async () => {
    const schemas = await allSchemas();
    expect(schemas.length).toBeGreaterThan(50);
    const misspelt = schemas.flatMap(([path, { properties, required = [] }]) =>
      (required as readonly string[])
        .filter((name) => !Object.hasOwn(properties as object, name))
        .map((name) => `${path}: ${name}`),
    );
    expect(misspelt).toEqual([]);
  });

  // The server compiles these schemas without validating them first.
  it('are valid', async () => {
    const ajv = new Ajv2020();
    const data = Object.entries(catalogue).map(([type, event]) => [type, event.data] as const);
    for (const [path, schema] of [...(await allSchemas()), ...data]) {
      ajv.validateSchema(schema);
      expect(ajv.errors ?? [], path).toEqual([]);
    }
  });

  it('give types with the same optional fields', () => {
    expectTypeOf<Message['incomplete']>().toEqualTypeOf<true | undefined>();
    expectTypeOf<Pick<Permission, 'alwaysCovers' | 'realPath'>>().toEqualTypeOf<{
      readonly alwaysCovers?: string;
      readonly realPath?: string;
    }>();
    expectTypeOf<Permission['sandbox']>().toEqualTypeOf<'bubblewrap' | 'none' | null | undefined>();
    expectTypeOf<Session['forkedFrom']>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly messageId: string;
    } | null>();
    expectTypeOf<PromptOptions['permissionMode']>().toEqualTypeOf<
      'read-only' | 'ask' | 'auto-edit' | 'full' | undefined
    >();
    expectTypeOf<Webhook['headers']>().toEqualTypeOf<Readonly<Record<string, string>>>();
    expectTypeOf<DeliveryAttempt['location']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<LoggedEvent<'run.failed'>['data']['interrupted']>().toEqualTypeOf<boolean | undefined>();
  });

  it('may use lists, enums, constants and alternatives', () => {
    type Shape = SchemaType<{
      readonly type: 'object';
      readonly properties: {
        readonly names: { readonly type: 'array'; readonly items: { readonly type: 'string' } };
        readonly point: {
          readonly anyOf: readonly [{ readonly type: 'integer' }, { readonly const: 'now' }];
        };
        readonly any: Record<never, never>;
      };
      readonly required: readonly ['names', 'any'];
    }>;
    expectTypeOf<Shape['names']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Shape['point']>().toEqualTypeOf<number | 'now' | undefined>();
    expectTypeOf<Shape['any']>().toEqualTypeOf<unknown>();
  });
});
