// Templates with named fields: `Review {{pull_request.number}}.` fill-template.ts fills them in.

export type Template = readonly (string | Field)[];

export interface Field {
  readonly path: string;
}

/** About the call, not of the payload. */
export const callFields = ['$event', '$actor', '$branch', '$deliveryId', '$time'] as const;
export type CallField = (typeof callFields)[number];

/** @throws Error that completes the sentence "/prompt …" */
export function parseTemplate(text: string): Template {
  const parts: (string | Field)[] = [];
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('{{', at);
    if (start < 0) break;
    const end = text.indexOf('}}', start);
    if (end < 0) throw new Error('has "{{" without "}}"');
    const path = text.slice(start + 2, end).trim();
    if (!/^[^\s{}.]+(?:\.[^\s{}.]+)*$/.test(path))
      throw new Error(`has the field ${JSON.stringify(path)}; a field is a path such as pull_request.number`);
    if (path.startsWith('$') && !isCallField(path))
      throw new Error(`has the field ${path}; the fields about the call are ${callFields.join(', ')}`);
    parts.push(text.slice(at, start), { path });
    at = end + 2;
  }
  parts.push(text.slice(at));
  return parts.filter((part) => part !== '');
}

/** The fields of the payload that a template names. */
export function payloadFields(template: Template): readonly string[] {
  return template.flatMap((part) =>
    typeof part === 'string' || part.path.startsWith('$') ? [] : [part.path],
  );
}

/** The value at a path such as `commits.0.id`; undefined if there is none. Own members only. */
export function valueAt(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value ?? undefined;
}

export function isCallField(path: string): path is CallField {
  return callFields.some((field) => field === path);
}
