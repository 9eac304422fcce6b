import { CodeBuddyError } from '../../base/errors.ts';

/**
 * Refuses half a surrogate pair: a file would silently get another character.
 * @throws CodeBuddyError `validation_failed`
 */
export function requireWellFormed(texts: Readonly<Record<string, string>>): void {
  const message = 'contains half of a surrogate pair, which cannot be written to a file';
  const errors = Object.entries(texts)
    .filter(([, text]) => !text.isWellFormed())
    .map(([name]) => ({ in: 'body' as const, pointer: `/${name}`, message }));
  if (errors.length === 0) return;
  const names = errors.map(({ pointer }) => `${pointer} ${message}`).join('; ');
  throw new CodeBuddyError('validation_failed', names, { errors });
}
