// Makes the model server refuse the requests that real servers refuse. Each rule names its source, so a session that
// passes here works with the real servers. Servers other than the three big ones are modes of chat completions.

import { field, items, string } from './model-server-json.ts';
import type { DecideReply, ModelReply, ModelRequest, Replies } from './model-server-types.ts';
import { seal } from './model-server-wire.ts';

export type StrictMode = 'mistral' | 'deepseek' | 'groq' | 'llama.cpp';

/** Replies as configured, but answers 400 to a request that a real server would refuse; `refusals` has the message. */
export function strictly(
  replies: Replies,
  mode?: StrictMode,
): { readonly reply: DecideReply; readonly refusals: readonly string[] } {
  const refusals: string[] = [];
  let next = 0;
  return {
    refusals,
    async reply(request, number) {
      const refusal = refusalOf(request, mode);
      if (refusal !== undefined) {
        refusals.push(`request ${number}: ${refusal}`);
        return { kind: 'error', status: 400, message: refusal };
      }
      if (typeof replies === 'function') return replies(request, number);
      const list: readonly ModelReply[] = 'kind' in replies ? [replies] : replies;
      return list[Math.min(next++, list.length - 1)] as ModelReply;
    },
  };
}

/** Undefined for a request that a real server accepts. */
export function refusalOf({ format, body }: ModelRequest, mode?: StrictMode): string | undefined {
  return (
    badText(body) ??
    (format === 'openai'
      ? (chatRefusal(body) ?? modeRefusal(body, mode))
      : format === 'openai-responses'
        ? responsesRefusal(body)
        : format === 'anthropic'
          ? anthropicRefusal(body)
          : googleRefusal(body))
  );
}

/**
 * Bad JSON for Anthropic (anthropics/claude-code#3277), and NUL that breaks what reads it
 * (anthropics/claude-code#94055).
 */
function badText(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) return `a text holds a lone surrogate: ${JSON.stringify(value.slice(0, 80))}`;
    if (value.includes('\0') || value.includes('\\u0000')) return 'a text holds a NUL character';
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const bad = badText(key) ?? badText(item);
    if (bad !== undefined) return bad;
  }
  return undefined;
}

const isBlank = (text: unknown): boolean => typeof text === 'string' && text.trim() === '';

/** `[a-zA-Z0-9_-]`, 64 at most: mcp-use/mcp-use#90, openai-openapi. */
const toolName = /^[a-zA-Z0-9_-]{1,64}$/;

/** langchain-ai/langchainjs#9804, microsoft/vscode#330662, kenn-io/kata#365 */
function toolRefusal(name: unknown, description: unknown, schema: unknown): string | undefined {
  if (!toolName.test(string(name))) return `tool name ${JSON.stringify(name)} does not match the pattern`;
  // getsentry/sentry-mcp#106
  if (string(description).length > 1024) return `the description of ${string(name)} is too long`;
  if (field(schema, 'type') !== 'object' || typeof field(schema, 'properties') !== 'object')
    return `schema of ${string(name)} must have type object and properties`;
  for (const key of ['oneOf', 'anyOf', 'allOf', 'enum', 'not'])
    if (field(schema, key) !== undefined) return `schema of ${string(name)} must not have ${key} at its root`;
  return undefined;
}

/** Calls and results in their order. */
class Pairing {
  private readonly seen = new Set<string>();
  private open: string[] = [];

  /** trycua/cua#524 (twice), camel-ai/camel#2215 (too long) */
  call(id: string, pattern: RegExp): string | undefined {
    if (!pattern.test(id)) return `call id ${JSON.stringify(id)} does not match ${pattern}`;
    if (this.seen.has(id)) return `call id ${id} comes twice`;
    this.seen.add(id);
    this.open.push(id);
    return undefined;
  }

  /** FoundationAgents/OpenManus#744, tghamm/Anthropic.SDK#184 */
  result(id: string): string | undefined {
    if (!this.open.includes(id))
      return `a result for ${JSON.stringify(id)}, of which there is no call right before`;
    this.open = this.open.filter((other) => other !== id);
    return undefined;
  }

  /** langchain-ai/open_deep_research#164, anthropics/claude-code#1237 */
  closed(): string | undefined {
    return this.open.length === 0 ? undefined : `calls without results: ${this.open.join(', ')}`;
  }
}

function isJsonObject(text: unknown): boolean {
  try {
    const value: unknown = JSON.parse(string(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function chatRefusal(body: unknown): string | undefined {
  const messages = items(field(body, 'messages'));
  const tools = items(field(body, 'tools'));
  // zed-industries/zed#42393
  if (tools.length > 128) return 'more than 128 tools';
  for (const tool of tools) {
    const fn = field(tool, 'function');
    const bad = toolRefusal(field(fn, 'name'), field(fn, 'description'), field(fn, 'parameters'));
    if (bad !== undefined) return bad;
  }
  const pairing = new Pairing();
  let hasCalls = false;
  for (const message of messages) {
    const role = string(field(message, 'role'));
    const content = field(message, 'content');
    const calls = items(field(message, 'tool_calls'));
    if (role !== 'tool') {
      const open = pairing.closed();
      if (open !== undefined) return open;
    }
    if (role === 'tool') {
      const bad = pairing.result(string(field(message, 'tool_call_id')));
      if (bad !== undefined) return bad;
      if (content === null || content === undefined) return 'a tool message without content';
    } else if (calls.length > 0) {
      hasCalls = true;
      for (const call of calls) {
        const fn = field(call, 'function');
        const bad = pairing.call(string(field(call, 'id')), /^.{1,40}$/);
        if (bad !== undefined) return bad;
        if (!toolName.test(string(field(fn, 'name'))))
          return `bad name in a call: ${string(field(fn, 'name'))}`;
        if (!isJsonObject(field(fn, 'arguments'))) return 'arguments are not the text of an object';
      }
    } else if (content === null || content === undefined) {
      // run-llama/llama_index#17555
      return `content of a message of ${role} is null`;
    }
    if (typeof content === 'string' && isBlank(content) && !(role === 'assistant' && calls.length > 0))
      return `a message of ${role} is blank`;
    for (const part of items(content))
      if (isBlank(field(part, 'text'))) return `a text part of ${role} is blank`;
  }
  // Most chat templates refuse roles that do not alternate (charmbracelet/crush#279).
  const roles = messages.map((message) => string(field(message, 'role')));
  for (const [index, role] of roles.entries())
    if (role !== 'tool' && role === roles[index - 1]) return `two messages of ${role} in a row`;
  if (roles.at(-1) === 'assistant') return 'the last message is the assistant’s';
  // earendil-works/pi openai-completions.ts (Claude behind chat completions)
  if (hasCalls && tools.length === 0) return 'the history has calls, but there are no tools';
  return pairing.closed();
}

function modeRefusal(body: unknown, mode: StrictMode | undefined): string | undefined {
  const messages = items(field(body, 'messages'));
  const roles = messages.map((message) => string(field(message, 'role')));
  for (const [index, message] of messages.entries()) {
    const calls = items(field(message, 'tool_calls'));
    switch (mode) {
      case 'mistral':
        // nearai/ironclaw#1241, onyx-dot-app/onyx#6458
        for (const call of calls)
          if (!/^[a-zA-Z0-9]{9}$/.test(string(field(call, 'id'))))
            return 'Tool call id has to be 9 letters and digits';
        if (roles[index] === 'user' && roles[index - 1] === 'tool')
          return "Expected last role Assistant, got 'user' after 'tool'";
        break;
      case 'deepseek':
        // earendil-works/pi#3636, continuedev/continue#11600
        if (roles[index] === 'assistant' && isBlank(field(message, 'reasoning_content') ?? ''))
          return 'The reasoning_content in the thinking mode must be passed back to the API.';
        break;
      case 'groq':
        // karthink/gptel#774
        for (const name of Object.keys(message as object))
          if (!['role', 'content', 'tool_calls', 'tool_call_id', 'name'].includes(name))
            return `property '${name}' is unsupported`;
        for (const call of calls) {
          const name = field(field(call, 'function'), 'name');
          if (!items(field(body, 'tools')).some((tool) => field(field(tool, 'function'), 'name') === name))
            return `tool call validation failed: ${string(name)} was not in request.tools`;
        }
        break;
      case 'llama.cpp':
        // nathaninline/ajean#26
        if (roles[index] === 'system' && index > 0) return 'System message must be at the beginning.';
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}

function responsesRefusal(body: unknown): string | undefined {
  const input = items(field(body, 'input'));
  const tools = items(field(body, 'tools'));
  for (const tool of tools) {
    const bad = toolRefusal(field(tool, 'name'), field(tool, 'description'), field(tool, 'parameters'));
    if (bad !== undefined) return bad;
  }
  const pairing = new Pairing();
  let hasCalls = false;
  let before: unknown;
  for (const item of input) {
    const type = string(field(item, 'type')) || 'message';
    const id = field(item, 'id');
    // V1ki/dsh-plugin-subscriptions#29
    if (id !== undefined && id !== null && !/^[A-Za-z0-9_-]{1,64}$/.test(string(id)))
      return `bad item id ${string(id)}`;
    if (type === 'item_reference') return `item ${string(id)} is not stored (store: false)`;
    const isReasoningBefore = field(before, 'type') === 'reasoning';
    if (type === 'function_call') {
      hasCalls = true;
      // earendil-works/pi#1022
      const bad = pairing.call(string(field(item, 'call_id')), /^.{1,64}$/);
      if (bad !== undefined) return bad;
      if (!isJsonObject(field(item, 'arguments'))) return 'arguments are not the text of an object';
    } else if (type === 'function_call_output') {
      const bad = pairing.result(string(field(item, 'call_id')));
      if (bad !== undefined) return bad;
    } else {
      const open = pairing.closed();
      if (open !== undefined) return open;
    }
    if (type === 'reasoning') {
      const summary = items(field(item, 'summary'))
        .map((part) => string(field(part, 'text')))
        .join('');
      // BerriAI/litellm exception_mapping_utils.py
      if (field(item, 'encrypted_content') !== seal(summary)) return 'invalid_encrypted_content';
    }
    if (type === 'message') {
      const content = field(item, 'content');
      if (isBlank(content)) return 'a message is blank';
      for (const part of items(content)) if (isBlank(field(part, 'text'))) return 'a text part is blank';
    }
    // vercel/ai#7099, continuedev/continue#11994
    if (isReasoningBefore && !['function_call', 'message'].includes(type))
      return `Item '${string(field(before, 'id'))}' of type 'reasoning' was provided without its required following item.`;
    before = item;
  }
  if (field(before, 'type') === 'reasoning') return 'reasoning without its required following item';
  if (hasCalls && tools.length === 0) return 'the history has calls, but there are no tools';
  return pairing.closed();
}

function anthropicRefusal(body: unknown): string | undefined {
  if (typeof field(body, 'max_tokens') !== 'number') return 'max_tokens: Field required';
  const messages = items(field(body, 'messages'));
  const tools = items(field(body, 'tools'));
  if (JSON.stringify(body).split('"cache_control"').length - 1 > 4)
    return 'A maximum of 4 blocks with cache_control';
  for (const block of items(field(body, 'system')))
    if (isBlank(field(block, 'text'))) return 'system: text content blocks must be non-empty';
  for (const tool of tools) {
    const bad = toolRefusal(field(tool, 'name'), field(tool, 'description'), field(tool, 'input_schema'));
    if (bad !== undefined) return bad;
  }
  if (field(messages[0], 'role') !== 'user') return 'the first message must be the user’s';
  const pairing = new Pairing();
  let hasCalls = false;
  let last = '';
  for (const [index, message] of messages.entries()) {
    const role = string(field(message, 'role'));
    const content = field(message, 'content');
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : items(content);
    if (role === last) return `roles must alternate, found two of ${role}`;
    last = role;
    // experientiallabs/experiential#804, anthropics/claude-code#6774
    if (blocks.length === 0) return `messages.${index}: content is empty`;
    for (const [at, block] of blocks.entries()) {
      const type = string(field(block, 'type'));
      if (type === 'text' && isBlank(field(block, 'text')))
        return `messages.${index}: text content blocks must be non-empty`;
      if (type === 'tool_result') {
        const bad = pairing.result(string(field(block, 'tool_use_id')));
        if (bad !== undefined) return bad;
        if (blocks.slice(0, at).some((other) => field(other, 'type') !== 'tool_result'))
          return 'tool_result blocks must come first';
      }
      if (type === 'tool_use') {
        hasCalls = true;
        const bad = pairing.call(string(field(block, 'id')), /^[a-zA-Z0-9_-]{1,64}$/);
        if (bad !== undefined) return bad;
      }
      // anthropics/anthropic-sdk-python#1598, Yeachan-Heo/gajae-code#4247
      if (type === 'thinking' && field(block, 'signature') !== seal(string(field(block, 'thinking'))))
        return 'Invalid `signature` in `thinking` block';
    }
    // cortexkit/anthropic-auth#49
    if (string(field(blocks.at(-1), 'type')).includes('thinking'))
      return 'the final block cannot be thinking';
    if (role === 'user') {
      const open = pairing.closed();
      if (open !== undefined) return open;
    }
  }
  // router-for-me/CLIProxyAPI#5319
  if (last === 'assistant') return 'This model does not support assistant message prefill.';
  if (hasCalls && tools.length === 0) return 'Requests which include `tool_use` must define tools';
  return pairing.closed();
}

function googleRefusal(body: unknown): string | undefined {
  const contents = items(field(body, 'contents'));
  if (contents.length === 0) return 'contents is not specified';
  let callsBefore = 0;
  for (const [index, content] of contents.entries()) {
    const parts = items(field(content, 'parts'));
    // router-for-me/CLIProxyAPI#1292
    if (parts.length === 0) return 'contents.parts must not be empty.';
    for (const part of parts) if (isBlank(field(part, 'text'))) return 'a part must have text';
    const role = field(content, 'role');
    if (role === field(contents[index - 1], 'role')) return `two contents of ${string(role)} in a row`;
    const calls = parts.filter((part) => field(part, 'functionCall') !== undefined);
    const responses = parts.filter((part) => field(part, 'functionResponse') !== undefined).length;
    // google-gemini/gemini-cli#11814, microsoft/vscode#299295
    if (responses !== callsBefore)
      return 'the number of function response parts must equal that of function call parts';
    if (calls.length > 0 && index === 0) return 'a function call turn must come after a user turn';
    // rowboatlabs/rowboat#694
    if (calls.length > 0 && field(calls[0], 'thoughtSignature') === undefined)
      return 'Function call is missing a thought_signature';
    callsBefore = calls.length;
  }
  return field(contents.at(-1), 'role') === 'user' ? undefined : 'the last content must be the user’s';
}
