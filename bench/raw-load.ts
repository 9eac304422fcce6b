// A load generator that is cheaper than the servers it measures: it sends the same bytes repeatedly over keep-alive connections, and splits answers
// by length alone (the first answer of a connection gives the length of all). Runs in its own process:
//
//   node bench/raw-load.ts PORT CONNECTIONS SECONDS BASE64-OF-THE-REQUEST      prints the requests per second

import { once } from 'node:events';
import { connect } from 'node:net';

const [port, connections, seconds] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const request = Buffer.from(process.argv[5] ?? '', 'base64');

let answered = 0;
let stopped = false;

async function drive(): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(request);
  const [first] = (await once(socket, 'data')) as [Buffer];
  const text = first.toString('latin1');
  const bodyLength = Number(/content-length: (\d+)/i.exec(text)?.[1]);
  const length = text.indexOf('\r\n\r\n') + 4 + bodyLength;
  if (!text.startsWith('HTTP/1.1 200 ') || first.length !== length)
    throw new Error(`Unexpected answer: ${text}`);
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received < length) return;
    if (received > length) throw new Error(`An answer of ${received} bytes among those of ${length}`);
    received = 0;
    answered++;
    if (stopped) socket.destroy();
    else socket.write(request);
  });
  socket.on('close', () => {
    if (!stopped) throw new Error('The server closed a connection');
  });
  socket.write(request);
}

await Promise.all(Array.from({ length: connections }, drive));
answered = 0;
const startedAt = performance.now();
setTimeout(() => {
  console.log(answered / ((performance.now() - startedAt) / 1000));
  stopped = true;
}, seconds * 1000);
