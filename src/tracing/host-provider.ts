// Whether the host application has registered an OpenTelemetry SDK, without loading `@opentelemetry/api`, which takes
// 10 ms and 5 MB. The symbol is the one that all copies of its major version share.

import type { Tracing } from '../base/tracing.ts';
import type { HostTracingOptions } from './host-tracing.ts';

const api = Symbol.for('opentelemetry.js.api.1');

export function hasHostProvider(): boolean {
  const registered: unknown = Reflect.get(globalThis, api);
  return typeof registered === 'object' && registered !== null && 'trace' in registered;
}

/** Undefined if the host application has none. */
export async function findHostTracing(options: HostTracingOptions = {}): Promise<Tracing | undefined> {
  if (!hasHostProvider()) return undefined;
  const { createHostTracing } = await import('./host-tracing.ts');
  return createHostTracing(options);
}
