// The MCP SDK, loaded when the first server is started, since that is slow. No file imports its values statically: a
// module whose imports fail once, such as when no file handle is free, would never load again.

type Sdk = typeof import('@modelcontextprotocol/client');

let loaded: Sdk | undefined;

/** Load the SDK. After a failure, the next call tries again. */
export async function loadSdk(): Promise<void> {
  loaded ??= await import('@modelcontextprotocol/client');
}

/** The SDK, once `loadSdk` has resolved. */
export function sdk(): Sdk {
  if (loaded === undefined) throw new Error('The MCP SDK is not loaded');
  return loaded;
}
