// What the client needs from its environment: the server's URL, `fetch`, and the headers that identify the caller.
// web-connection.ts and node/node-connection.ts provide it.

/** The part of a `Response` that the client uses. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
  text(): Promise<string>;
}

/** Reads a body chunk by chunk. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** The part of a `RequestInit` that the client uses. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** The API never redirects, and another server must not get the key. */
  readonly redirect: 'manual';
  /** Set only for pages of the server itself. Some edge runtimes refuse the option. */
  readonly credentials?: 'same-origin';
}

/** `fetch`, or a function like it. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

/** The way to one server. */
export interface Connection {
  /** Without a slash at the end. */
  readonly url: string;
  readonly fetch: Fetch;
  /** The headers that identify the caller. */
  headers(method: string): Readonly<Record<string, string>>;
  readonly credentials?: 'same-origin';
  /** Looks for a server that may have moved. True if it has. */
  hasMoved?(): boolean;
  /** Closes idle connections. */
  close?(): void;
}
