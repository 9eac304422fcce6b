// The tools of all sessions: passes each call to the tools of the session's workspace.

import type { PreparedCall, ToolBox } from '../tools/tool-box.ts';
import type { Spaces } from './spaces.ts';

export function createSessionTools(main: ToolBox, spaces: Pick<Spaces, 'toolsOf'>): ToolBox {
  /** The tools that prepared a call, if not those of the server's workspace. */
  const owners = new WeakMap<PreparedCall, ToolBox>();
  const ownerOf = async (call: PreparedCall, sessionId: string | undefined): Promise<ToolBox> =>
    owners.get(call) ?? spaces.toolsOf(sessionId);

  return {
    ...main,
    async prepare(name, params, sessionId) {
      const tools = await spaces.toolsOf(sessionId);
      const call = await tools.prepare(name, params, sessionId);
      owners.set(call, tools);
      return call;
    },
    isolationOf: async (name, sessionId) => (await spaces.toolsOf(sessionId)).isolationOf(name),
    useOf: async (call, sessionId) => (await ownerOf(call, sessionId)).useOf(call),
    guardedFile: async (call, use, sessionId) => (await ownerOf(call, sessionId)).guardedFile(call, use),
    run: async (call, options) => (await ownerOf(call, options.sessionId)).run(call, options),
  };
}
