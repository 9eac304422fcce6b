// What the rules are held against: a tool, its parameters, the file that they name, and whether the tool only reads.

import type { ToolBox } from '../tools/tool-box.ts';
import type { ToolUse } from './permission-rule.ts';

export async function describeUse(
  tools: Pick<ToolBox, 'pathOf' | 'isReadOnly'>,
  tool: string,
  params: Record<string, unknown>,
): Promise<ToolUse & { readonly readOnly: boolean }> {
  return { tool, params, path: tools.pathOf(params), readOnly: await tools.isReadOnly(tool) };
}
