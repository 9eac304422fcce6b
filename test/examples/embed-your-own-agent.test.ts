// examples/embed-your-own-agent.ts as a process.

import { expect, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { example, startExample } from './start-example.ts';

test('your own agent answers, streams, runs a tool and has a route of its own', async () => {
  const { url } = await startExample([process.execPath, example('embed-your-own-agent.ts')], {});
  const client = new CodeBuddyClient({ url });
  const { response } = await client.prompt('hello');
  expect(response).toBe('You said: hello ');

  const pieces: string[] = [];
  for await (const event of client.stream('hello'))
    if (event.type === 'message.delta') pieces.push(event.data.text);
  expect(pieces).toEqual(['You ', 'said: ', 'hello ']);

  expect(await client.tools.run('add', { a: 2, b: 3 })).toMatchObject({ result: 5 });
  expect(await client.metrics()).toMatchObject({ metrics: { answered: 42 } });
  const hello = await fetch(`${url}/api/hello/ann`);
  expect(await hello.json()).toEqual({ hello: 'ann' });
  expect((await fetch(`${url}/api/hello/nobody`)).status).toBe(404);
  client.close();
});
