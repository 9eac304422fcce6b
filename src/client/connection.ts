// The connection that the entry points provide: the server's URL, `fetch`, and the headers that identify the caller.
// It is created in web-connection.ts and node/node-connection.ts.

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
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** The API never redirects, and another server must not get the key. */
  readonly redirect: 'manual';
  /** Set only for pages of the server itself. Some edge runtimes refuse the option. */
  readonly credentials?: 'same-origin';
}

/** `fetch`, or a function like it. */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

/** The connection to one server. */
export interface Connection {
  /** Without a slash at the end. */
  readonly url: string;
  readonly fetch: Fetch;
  /** The headers that identify the caller. */
  headers(method: string): Readonly<Record<string, string>>;
  readonly credentials?: 'same-origin';
  /** Looks for the server again. Returns true if it has moved; `url` and `fetch` then lead to its new address. */
  hasMoved?(): boolean;
  /** Closes idle connections. */
  close?(): void;
}
