// Answers a client that is still sending. Closing at once would reset the connection, and the reset can overtake the answer:
// the client sees a broken pipe and never the 413. So the answer is sent, our side is closed, and what still comes is thrown
// away for a moment (RFC 9112 §9.6).

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

const lingerMs = 2_000;

/** Call before the head is written: the connection ends gently after this answer. */
export function closeAfterAnswer(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  const { socket } = response;
  if (socket === null) return;
  // Node calls destroySoon() once the last answer of a connection is written; it destroys what is unread.
  socket.destroySoon = () => {
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('end', () => socket.destroy());
    socket.end();
  };
}

/** True if a body comes with the request (RFC 9112 §6). */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** True if some of an announced body may still be on its way. */
export function mayStillSend({ complete, headers }: IncomingMessage): boolean {
  return !complete && announcesBody(headers);
}
