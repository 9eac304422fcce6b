// Your own agent behind the API: four handlers and start(). Nothing is written to disk, and the built-in agent is not loaded.
//
//   node examples/embed-your-own-agent.ts
//   curl -s localhost:3847/api/prompt -H 'content-type: application/json' -d '{"prompt":"hello"}'
//   curl -sN localhost:3847/api/prompt -H 'accept: text/event-stream' -H 'content-type: application/json' -d '{"prompt":"hello"}'

import { setTimeout as wait } from 'node:timers/promises';
import { RestApiServer, reply } from '../src/index.ts'; // in your project: from 'codebuddy-api'

const server = new RestApiServer({ port: Number(process.env.PORT ?? 3847) });

// Return a string, a result object or, as here, an async iterable, which clients can also request as a stream.
server.onPrompt = async function* (prompt, _options, { signal }) {
  for (const word of `You said: ${prompt}`.split(' ')) {
    await wait(50, undefined, { signal }); // rejects when the client disconnects
    yield { type: 'message.delta', data: { text: `${word} ` } };
  }
};

server.onListTools = () => [
  {
    name: 'add',
    description: 'Adds two numbers.',
    inputSchema: {
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    },
    readOnly: true,
  },
];
server.onToolExecute = async (_tool, params) => Number(params.a) + Number(params.b);
server.onGetSessions = async () => [];
server.onGetMetrics = async () => ({ answered: 42 });

server.addRoute('GET', '/api/hello/:name', ({ params }) =>
  params.name === 'nobody' ? reply(404, { error: 'nobody is here' }) : { hello: params.name },
);

await server.start();
console.log(`listening on ${server.getAddress()?.url}`);
