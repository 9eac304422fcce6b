// Closes a connection whose client is still sending. Closing at once would reset it, and the reset can overtake the
// answer: the client would see a broken pipe instead of the 413. So send the answer, close our side, and discard
// incoming bytes for a moment (RFC 9112 §9.6).

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

const lingerMs = 2_000;

/** Closes the connection gently after this answer. Call it before the head is written. */
export function closeAfterAnswer(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  const { socket } = response;
  if (socket === null) return;
  // Node calls destroySoon() after the last answer of a connection. It would discard unread bytes and reset the
  // connection.
  socket.destroySoon = () => {
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('end', () => socket.destroy());
    socket.end();
  };
}

/** True if the request has a body (RFC 9112 §6). */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** True if part of the body may not have arrived yet. */
export function mayStillSend({ complete, headers }: IncomingMessage): boolean {
  return !complete && announcesBody(headers);
}
