// The MCP SDK, loaded when the first server is started, since that is slow. No file imports its values statically: a
// module whose imports could not be loaded once, such as for want of file handles, would never load again.

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
