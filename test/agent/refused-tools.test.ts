// If a provider names a tool in a refusal, it gets the request again without that tool; the session continues without
// it.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refusedToolIn } from '../../src/agent/models/refused-tool.ts';
import { readRefusedTools } from '../../src/agent/refused-tools.ts';
import type { ModelReply } from './model-server-types.ts';
import { temporaryFolder } from './start-agent.ts';
import { says, startModelAgent } from './start-model-agent.ts';

const refusal = (error: Readonly<Record<string, unknown>>): ModelReply => ({
  kind: 'raw',
  status: 400,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: { type: 'invalid_request_error', ...error } }),
});

describe('a refusal of one tool', () => {
  it.each([
    ['by its name', { message: "Invalid schema for function 'glob': array schema missing items." }],
    [
      'by its place in the message',
      { message: 'tools.5.custom.input_schema: input_schema does not support anyOf at the top level' },
    ],
    [
      'by its place in a field of its own',
      { message: 'Invalid schema: array schema missing items.', param: 'tools[5].function.parameters' },
    ],
    [
      'by its place among functions',
      {
        message:
          '* GenerateContentRequest.tools[0].function_declarations[5].parameters.properties[x].items: missing field.',
      },
    ],
  ])('%s', async (_what, error) => {
    const stateFolder = join(temporaryFolder(), 'state');
    mkdirSync(stateFolder);
    const { prompt, server, warnings } = await startModelAgent(
      [refusal(error), says('one'), says('two'), says('three')],
      { stateFolder },
    );
    const { response, sessionId } = await prompt('Hi');
    expect(response).toBe('one');
    const [first, second] = server.requests;
    expect(first?.toolNames[5]).toBe('glob');
    expect(second?.toolNames).toEqual(first?.toolNames.filter((name) => name !== 'glob'));
    expect(second?.messages).toEqual(first?.messages);
    expect(warnings.join('\n')).toMatch(/The tool glob is left out of this session: .*(?:schema|missing)/);
    expect(readRefusedTools(stateFolder, Date.now())).toMatchObject([
      { tool: 'glob', model: 'local/test-model' },
    ]);
    expect(readFileSync(join(stateFolder, 'refused-tools.json'), 'utf8')).toContain('glob');
    // A later prompt of the session omits it from the start; another session tries it.
    await prompt('Again', {}, sessionId);
    expect(server.requests[2]?.toolNames).not.toContain('glob');
    await prompt('Hi');
    expect(server.requests[3]?.toolNames).toContain('glob');
  });

  it('one after the other, but other refusals are final', async () => {
    const bad = (name: string) => refusal({ message: `Invalid schema for function '${name}': no.` });
    const { prompt, server } = await startModelAgent([
      bad('glob'),
      bad('search'),
      refusal({ message: 'Unsupported value: temperature.' }),
      says('never'),
    ]);
    await expect(prompt('Hi')).rejects.toMatchObject({ code: 'model_refused' });
    expect(server.requests).toHaveLength(3);
  });
});

describe('what a refusal means', () => {
  const tools = ['read_file', 'glob', 'search', 'github__make-issue'];
  const error = (message: string, more: Readonly<Record<string, unknown>> = {}) => ({
    error: { message, ...more },
  });
  it.each([
    [error('Tool `github__make-issue` has an invalid schema'), 'github__make-issue'],
    [error('Invalid JSON schema in tool github__make-issue'), 'github__make-issue'],
    [error('Invalid tool name: “search”'), 'search'],
    [error("Invalid 'tools[2].function.name': string does not match pattern."), 'search'],
    [error('bad', { param: 'tools[9].function.parameters' }), undefined],
    [error('You may not search the web'), undefined],
    [error('Invalid \'messages[3].tool_calls[0].function.name\': "glob"'), undefined],
    [error('messages.5.content.0: tool_use ids must be unique'), undefined],
    [
      error('Failed to call a function', { code: 'tool_use_failed', failed_generation: '{"name": "glob"}' }),
      undefined,
    ],
    [error('The schemas of "glob" and "search" differ'), undefined],
  ])('%j: %s', (cause, expected) => {
    expect(refusedToolIn(cause, tools)).toBe(expected);
  });
});
