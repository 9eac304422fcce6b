// Checks arguments of the first version's API. They work where they still mean the same; otherwise a TypeError says
// what to write.

import { basename, dirname } from 'node:path';

/** Checks an id. @throws TypeError if it is not a string, for example a promise */
export function checkId(method: string, id: unknown): asserts id is string {
  if (typeof id === 'string') return;
  const isPromise = typeof id === 'object' && id !== null && 'then' in id;
  const what = isPromise
    ? 'a promise; write await webhooks.register(…)'
    : `${id === null ? 'null' : `of type ${typeof id}`}`;
  throw new TypeError(`${method}: the id must be a string, but it is ${what}`);
}

/** The folder of a `webhooks.json`, whose path the first version took. @throws TypeError for any other path */
export function homeOfConfigPath(path: string): string {
  if (basename(path) === 'webhooks.json') return dirname(path);
  throw new TypeError(
    `new WebhookManager(${JSON.stringify(path)}): write new WebhookManager({ home: FOLDER }); webhooks.json is kept in that folder`,
  );
}

/** Checks the option `eventTypes`. @throws TypeError for an invalid name */
export function checkEventTypes(eventTypes: readonly string[] | undefined, known: readonly string[]): void {
  if (eventTypes === undefined) return;
  if (!Array.isArray(eventTypes)) throw new TypeError('eventTypes must be a list of event types');
  for (const type of eventTypes) {
    const name = JSON.stringify(type);
    if (
      typeof type !== 'string' ||
      !/^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/.test(type) ||
      type.length > 64
    )
      throw new TypeError(
        `eventTypes: ${name} must be words of letters, digits, _ and -, separated by dots, such as "deploy.finished", with at most 64 characters`,
      );
    if (known.includes(type)) throw new TypeError(`eventTypes: ${name} is a built-in event type; remove it`);
    if (type.startsWith('webhook.'))
      throw new TypeError(`eventTypes: ${name}: types that begin with "webhook." are reserved`);
  }
}
