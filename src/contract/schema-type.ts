// The TypeScript type of a JSON Schema, for the keywords that this folder uses. The schemas are plain `as const`
// objects, so no library is loaded at start. Measured with the 66 schemas of this folder: tsc checks them in 0.4 s (41
// 000 instantiations), and importing them takes 1.6 ms. With @sinclair/typebox 0.34 it takes 0.8 s (61 000) and 51 ms,
// with typebox 1.4 1.0 s (98 000) and 75 ms.

/** The type of values that are valid for the schema `S`. Objects and arrays are readonly at every depth. */
export type SchemaType<S> = S extends { readonly const: infer Value }
  ? Value
  : S extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : S extends { readonly type: readonly (infer Name)[] }
      ? Named<Name, S>
      : S extends { readonly type: infer Name }
        ? Named<Name, S>
        : S extends { readonly anyOf: readonly (infer One)[] }
          ? SchemaType<One>
          : unknown;

/** Distributes over the names of a list of types, as `['string', 'null']`. */
type Named<Name, S> = Name extends 'object'
  ? S extends { readonly properties: infer P }
    ? ObjectOf<P, S>
    : S extends { readonly additionalProperties: infer Value extends object }
      ? Readonly<Record<string, SchemaType<Value>>>
      : Readonly<Record<string, unknown>>
  : Name extends 'array'
    ? S extends { readonly items: infer Item }
      ? readonly SchemaType<Item>[]
      : readonly unknown[]
    : Name extends keyof Plain
      ? Plain[Name]
      : unknown;

type Plain = { string: string; number: number; integer: number; boolean: boolean; null: null };

type RequiredOf<S> = S extends { readonly required: readonly (infer Name)[] } ? Name : never;

type ObjectOf<P, S> = Flat<
  {
    readonly [Name in keyof P as Name extends RequiredOf<S> ? Name : never]: SchemaType<P[Name]>;
  } & {
    readonly [Name in keyof P as Name extends RequiredOf<S> ? never : Name]?: SchemaType<P[Name]>;
  }
>;

/** One object type instead of two, which editors and errors show as it is. */
type Flat<T> = { [Name in keyof T]: T[Name] };
