// A listener with the shortest queue, stopped so that it accepts no connection. connections.test.ts starts and wakes
// it.

import { createServer } from 'node:net';

const server = createServer((socket) => void socket.on('error', () => undefined));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 }, () => {
    process.kill(process.pid, 'SIGSTOP');
  });
});
