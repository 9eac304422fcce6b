import { CodeBuddyError } from '../../base/errors.ts';

/** Half of a surrogate pair has no bytes; written, it would silently become another character. @throws CodeBuddyError `validation_failed` */
export function requireWellFormed(texts: Readonly<Record<string, string>>): void {
  const message = 'holds half of a surrogate pair, which no file can hold';
  const errors = Object.entries(texts)
    .filter(([, text]) => !text.isWellFormed())
    .map(([name]) => ({ in: 'body' as const, pointer: `/${name}`, message }));
  if (errors.length === 0) return;
  const names = errors.map(({ pointer }) => `${pointer} ${message}`).join('; ');
  throw new CodeBuddyError('validation_failed', names, { errors });
}
