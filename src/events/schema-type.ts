// The TypeScript type of a JSON Schema, for the few keywords that the catalogue uses. json-schema-to-ts does it for all of them, at so many
// type instantiations that a host which emits events would meet the compiler's limit.

type Named = { string: string; number: number; integer: number; boolean: boolean; null: null };

type Property<S> = S extends { readonly enum: readonly (infer Value)[] }
  ? Value
  : S extends { readonly type: 'object'; readonly properties: infer P }
    ? ObjectOf<P, S>
    : S extends { readonly type: 'object' }
      ? Record<string, unknown>
      : S extends { readonly type: readonly (infer Name)[] }
        ? Name extends 'object'
          ? S extends { readonly properties: infer P }
            ? ObjectOf<P, S>
            : Record<string, unknown>
          : Name extends keyof Named
            ? Named[Name]
            : unknown
        : S extends { readonly type: infer Name extends keyof Named }
          ? Named[Name]
          : unknown;

type RequiredOf<S> = S extends { readonly required: readonly (infer Name)[] } ? Name : never;

type ObjectOf<P, S> = {
  [Name in keyof P as Name extends RequiredOf<S> ? Name : never]: Property<P[Name]>;
} & {
  [Name in keyof P as Name extends RequiredOf<S> ? never : Name]?: Property<P[Name]>;
};

/** What an object schema of the catalogue stands for. */
export type SchemaType<S> = S extends { readonly properties: infer P } ? ObjectOf<P, S> : never;
