// What the rules are held against: a tool, its parameters, and the file that they name.

import type { ToolBox } from '../tools/tool-box.ts';
import type { ToolUse } from './permission-rule.ts';

export function describeUse(
  tools: Pick<ToolBox, 'pathOf'>,
  tool: string,
  params: Record<string, unknown>,
): ToolUse {
  return { tool, params, path: tools.pathOf(params) };
}
