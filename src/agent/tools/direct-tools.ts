// Direct tool calls (`POST /api/tools/:tool`). They run without asking for permission; deny rules and the server's mode
// `read-only` apply to them as to runs.

import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { Permissions } from '../permissions/permissions.ts';
import type { RunOptions, ToolBox } from './tool-box.ts';

export interface DirectTools extends ToolBox {
  /** @throws CodeBuddyError `tool_not_found`, `validation_failed`, `permission_denied`, and the errors of the tool */
  execute(
    name: string,
    params: Record<string, unknown>,
    context: Pick<RunOptions, 'signal' | 'sessionId' | 'hop'>,
  ): Promise<unknown>;
}

export function createDirectTools(
  tools: ToolBox,
  {
    permissions,
    mode,
    requireSession,
  }: {
    readonly permissions: Permissions;
    readonly mode: PermissionMode;
    /** @throws CodeBuddyError `session_not_found` */
    readonly requireSession: (id: string) => Promise<unknown>;
  },
): DirectTools {
  return {
    ...tools,
    async execute(name, params, context) {
      const { sessionId, hop } = context;
      if (sessionId !== undefined) await requireSession(sessionId);
      const call = await tools.prepare(name, params, sessionId);
      const use = permissions.ignoresTarget(call) ? undefined : await tools.useOf(call, sessionId);
      if (use !== undefined) permissions.assertNotDenied({ ...use, mode, readOnly: call.readOnly });
      const outcome = await tools.run(call, {
        // Read late: the first read starts to watch whether the client disconnects.
        signal: context.signal,
        use,
        ...(sessionId === undefined ? {} : { sessionId }),
        ...(hop === undefined ? {} : { hop }),
      });
      if (!outcome.ok) throw outcome.error;
      return outcome.result;
    },
  };
}
