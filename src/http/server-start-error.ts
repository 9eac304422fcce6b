// Errors of `start()`. They never reach clients, so they have their own codes.

export type ServerStartCode =
  | 'address_in_use'
  | 'address_not_available'
  | 'permission_denied'
  | 'key_required'
  | 'listen_failed';

/** Thrown by `start()`. `code` names the reason. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';
  readonly code: ServerStartCode;

  constructor(code: ServerStartCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Translates an error of `listen`. */
export function listenError(cause: NodeJS.ErrnoException, host: string, port: number): ServerStartError {
  const address = `${host}:${port}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ServerStartError(
        'address_in_use',
        `Port ${port} on ${host} is in use by another process. Stop it, or use another port (--port; 0 selects a free one).`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ServerStartError(
        'address_not_available',
        `This machine has no address "${host}" (--host).`,
        {
          cause,
        },
      );
    case 'EACCES':
      return new ServerStartError(
        'permission_denied',
        `No permission to listen on ${address}. Many systems reserve ports below 1024.`,
        { cause },
      );
    default:
      return new ServerStartError('listen_failed', `Cannot listen on ${address}: ${cause.message}`, {
        cause,
      });
  }
}
