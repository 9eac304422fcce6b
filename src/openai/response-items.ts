// The output items of a response: the texts of the agent, and the tools that it ran. A tool is an `mcp_call`, the type
// for tools that the server runs: clients would run a `function_call` themselves, and some refuse a response that
// contains its output. A client that wants the pair asks for it.

import type { OutputItem, OutputMessage } from '../contract/openai-response.ts';
import type { RunStep } from './run-steps.ts';

export type ToolItems = 'mcp_call' | 'function_call';

type ToolStart = Extract<RunStep, { kind: 'tool_start' }>;
type ToolEnd = Extract<RunStep, { kind: 'tool_end' }>;

export function messageItem(
  id: string,
  text: string,
  status: OutputMessage['status'] = 'completed',
): OutputMessage {
  const content = status === 'in_progress' ? [] : [{ type: 'output_text', text, annotations: [] } as const];
  return { type: 'message', id, status, role: 'assistant', content };
}

/** The item of a call that has started. */
export function startedItem({ callId, tool, params }: ToolStart, form: ToolItems): OutputItem {
  const call = { name: tool, arguments: JSON.stringify(params) ?? '{}' };
  return form === 'function_call'
    ? { type: 'function_call', id: `fc_${callId}`, call_id: callId, status: 'completed', ...call }
    : {
        type: 'mcp_call',
        id: `mcp_${callId}`,
        status: 'in_progress',
        server_label: 'codebuddy',
        ...call,
        output: null,
        error: null,
      };
}

/** The item of a call that has ended: it replaces that of its start, or follows it. */
export function endedItem(
  started: OutputItem,
  { callId, output, isError }: ToolEnd,
): { readonly replaces: boolean; readonly item: OutputItem } {
  if (started.type !== 'mcp_call') {
    const id = `fco_${callId}`;
    const status = 'completed';
    return {
      replaces: false,
      item: { type: 'function_call_output', id, call_id: callId, status, output },
    };
  }
  const item = isError
    ? ({ ...started, status: 'failed', error: output } as const)
    : ({ ...started, status: 'completed', output } as const);
  return { replaces: true, item };
}
