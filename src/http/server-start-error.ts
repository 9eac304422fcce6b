// Why a server did not start, for the person who started it. These never go to clients, so they have codes of their own.

export type ServerStartCode =
  | 'address_in_use'
  | 'address_not_available'
  | 'permission_denied'
  | 'key_required'
  | 'listen_failed';

export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';
  readonly code: ServerStartCode;

  constructor(code: ServerStartCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What `listen` failed with, in clear words. */
export function listenError(cause: NodeJS.ErrnoException, host: string, port: number): ServerStartError {
  const address = `${host}:${port}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ServerStartError(
        'address_in_use',
        `Port ${port} on ${host} is in use by another process; stop it, or choose another port (--port; 0 picks a free one)`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ServerStartError('address_not_available', `This machine has no address '${host}' (--host)`, {
        cause,
      });
    case 'EACCES':
      return new ServerStartError(
        'permission_denied',
        `Not allowed to listen on ${address}; ports below 1024 are reserved on many systems`,
        { cause },
      );
    default:
      return new ServerStartError('listen_failed', `Cannot listen on ${address}: ${cause.message}`, {
        cause,
      });
  }
}
