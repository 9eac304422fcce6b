// The permission modes that a caller without the scope `tools` may ask for.

import { CodeBuddyError } from '../base/errors.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import type { PromptOptions } from '../contract/prompt-options.ts';

/**
 * Requires a mode that is no more permissive than the server's: a caller without the scope `tools` must not let tools
 * run without approval.
 * @throws CodeBuddyError `insufficient_scope`
 */
export function requireStrictMode(
  defaultMode: PermissionMode,
  { permissionMode = defaultMode }: PromptOptions,
): void {
  if (permissionModes.indexOf(permissionMode) <= permissionModes.indexOf(defaultMode)) return;
  throw new CodeBuddyError(
    'insufficient_scope',
    `options.permissionMode ${JSON.stringify(permissionMode)} requires a key with the scope "tools".`,
  );
}
