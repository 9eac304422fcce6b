// Tools as they are run without an agent in between (`POST /api/tools/:tool`): nobody is asked, but deny rules and the server's mode
// `read-only` hold here as everywhere.

import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { Permissions } from '../permissions/permissions.ts';
import type { ToolBox } from './tool-box.ts';

export function createDirectTools(
  tools: ToolBox,
  { permissions, mode }: { readonly permissions: Permissions; readonly mode: PermissionMode },
): ToolBox {
  return {
    ...tools,
    async execute(name, params, context) {
      // A malformed call is told what is wrong with it, as ever.
      const prepared = await tools.prepare(name, params);
      // Only where it matters: for an external tool, all servers may have to be asked.
      const readOnly = mode === 'read-only' && (await tools.isReadOnly(name));
      const use = context.use ?? (await tools.useOf(name, prepared));
      permissions.assertNotDenied({ ...use, mode, readOnly });
      // By name: the context's signal may be made when it is asked for.
      return tools.execute(name, prepared, { ...context, signal: context.signal, use });
    },
  };
}
