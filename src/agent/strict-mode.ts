// The permission modes that a caller without the scope `tools` may ask for.

import { CodeBuddyError } from '../base/errors.ts';
import type { PermissionMode, PromptOptions } from './types.ts';

/** Each mode allows all that the ones before it allow. */
const laxity: readonly PermissionMode[] = ['read-only', 'ask', 'auto-edit', 'full'];

/**
 * Requires a mode that is no laxer than the server's: a caller without the scope `tools` must not let tools run without approval.
 * @throws CodeBuddyError `insufficient_scope`
 */
export function requireStrictMode(
  defaultMode: PermissionMode,
  { permissionMode = defaultMode }: PromptOptions,
): void {
  if (laxity.indexOf(permissionMode) <= laxity.indexOf(defaultMode)) return;
  throw new CodeBuddyError(
    'insufficient_scope',
    `options.permissionMode ${JSON.stringify(permissionMode)} requires a key with the scope "tools".`,
  );
}
