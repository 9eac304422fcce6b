// A scripted stand-in for a language model, to try everything without an API key. It speaks OpenAI's chat completions
// on a local port, and can repair examples/fix-the-failing-test. Like a real model, it reacts to the results of the
// tools.
//
//   node examples/scripted-model.ts            prints its URL; then
//   codebuddy serve --model script/mender      with {"providers": {"script": {"baseURL": URL}}} in config.json

import { createServer } from 'node:http';

interface ChatMessage {
  readonly role: string;
  /** A text, or a list of parts. */
  readonly content?: unknown;
}

interface Step {
  readonly text: string;
  readonly call?: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** The next step, from what was said and done so far. */
function next(messages: readonly ChatMessage[]): Step {
  const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content ?? ''));
  const last = results.at(-1) ?? '';
  const run = { name: 'bash', arguments: { command: 'node --test' } };
  const said = messages.filter(({ role }) => role === 'user').map(({ content }) => JSON.stringify(content));
  if (said.at(-1)?.includes('Review your change') === true)
    return {
      text: '{"findings":[{"file":"src/median.js","line":2,"fault":"It changes the list of the caller."}]}',
    };
  if (results.length === 0 && said.some((text) => text.includes('Ask me')))
    return {
      text: 'I ask first.',
      call: {
        name: 'ask_user',
        arguments: { question: 'May I change the code?', choices: ['Yes, in src/', 'No'] },
      },
    };
  if (results.length === 0) return { text: 'I run the tests first.', call: run };
  if (/permission|was not run/.test(last)) return { text: 'I may not do that, so I stop here.' };
  if (last.includes('"exitCode":0')) {
    return {
      text: 'Fixed: `median` sorted its numbers as text, so 100 came before 9. It compares them as numbers now; all tests pass.',
    };
  }
  if (last.includes('"exitCode"')) {
    return {
      text: 'One fails. I look at the code.',
      call: { name: 'read_file', arguments: { path: 'src/median.js' } },
    };
  }
  if (last.includes('.sort()')) {
    return {
      text: '`sort()` orders as text.',
      call: {
        name: 'edit_file',
        arguments: {
          path: 'src/median.js',
          oldText: '.sort()',
          newText: '.sort((left, right) => left - right)',
        },
      },
    };
  }
  return { text: 'Now the tests again.', call: run };
}

/** One answer as server-sent events, word by word. */
function* chunks({ text, call }: Step, model: string, promptLength: number): Generator<string> {
  const chunk = (delta: unknown, finish: string | null = null): string =>
    `data: ${JSON.stringify({ id: 'chat', object: 'chat.completion.chunk', created: 0, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  for (const word of text.match(/\S+\s*/g) ?? []) yield chunk({ role: 'assistant', content: word });
  if (call !== undefined) {
    const id = `call_${Math.random().toString(36).slice(2)}`;
    const named = { name: call.name, arguments: JSON.stringify(call.arguments) };
    yield chunk({ tool_calls: [{ index: 0, id, type: 'function', function: named }] });
  }
  yield chunk({}, call === undefined ? 'stop' : 'tool_calls');
  const [prompt_tokens, completion_tokens] = [Math.ceil(promptLength / 4), Math.ceil(text.length / 4)];
  const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  yield `data: ${JSON.stringify({ id: 'chat', object: 'chat.completion.chunk', created: 0, model, choices: [], usage })}\n\n`;
  yield 'data: [DONE]\n\n';
}

export async function startScriptedModel(port = 0): Promise<{ readonly baseURL: string; close(): void }> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { model, messages } = JSON.parse(body) as { model: string; messages: readonly ChatMessage[] };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of chunks(next(messages), model, body.length)) response.write(chunk);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (import.meta.main) {
  const { baseURL } = await startScriptedModel(Number(process.env.PORT ?? 0));
  console.log(baseURL);
}
