// Records spans and exports them by OTLP/HTTP with JSON, which every collector takes. Our own 600 lines instead of
// OpenTelemetry's SDK and exporter: those are 14 packages of 25 MB, and take 40 to 70 ms and 10 to 15 MB of memory to
// load.

import { randomFillSync } from 'node:crypto';
import { sampledFlag, type TraceContext } from '../base/trace-context.ts';
import { scopedContext, withinScope } from '../base/trace-scope.ts';
import { contextSpan } from '../base/trace-spans.ts';
import type { AttributeValue, Span, SpanOptions, Tracing } from '../base/tracing.ts';
import { version } from '../base/version.ts';
import { otlpJson } from './otlp-json.ts';
import { RecordedSpan } from './recorded-span.ts';
import type { Sampler } from './sampler.ts';
import { createSpanExporter, type ExporterOptions, SpanRefusal } from './span-exporter.ts';

export interface OtlpOptions extends Pick<ExporterOptions, 'warn' | 'delayMs' | 'maxQueued' | 'maxBatch'> {
  /** The URL that takes spans, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Limit of one request, in ms. @default 10_000 */
  readonly timeoutMs?: number;
  readonly fetch: typeof globalThis.fetch;
  /** Attributes of the process, `service.name` among them. */
  readonly resource: ReadonlyMap<string, AttributeValue>;
  readonly sampler: Sampler;
  readonly hasContent: boolean;
  /** Removes secrets from what is exported. */
  readonly redact: (text: string) => string;
}

/** How long the last spans may take when the server stops, in ms. */
const closeLimitMs = 2000;
const maxTextLength = 16 * 1024;

export function createOtlpTracing(options: OtlpOptions): Tracing {
  const { url, headers, fetch, sampler, redact, timeoutMs = 10_000 } = options;
  const resource = { attributes: options.resource, scope: { name: 'codebuddy-api', version } };
  const clock = makeClock();
  const exporter = createSpanExporter({ ...options, send });

  async function send(spans: readonly RecordedSpan[]): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: redact(otlpJson(resource, spans)),
      // A redirect would lead the headers, which may hold a key, elsewhere.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    // The connection is free for the next batch once the answer is read.
    await response.arrayBuffer();
    if (response.ok) return;
    const { origin, pathname } = new URL(url);
    const message = `${origin}${pathname} answered ${response.status}`;
    // As OTLP/HTTP asks: only these may be tried again.
    throw [429, 502, 503, 504].includes(response.status) ? new Error(message) : new SpanRefusal(message);
  }

  function start(name: string, { kind = 'internal', parent, attributes }: SpanOptions = {}): Span {
    const above = parent === undefined ? scopedContext() : (parent ?? undefined);
    const traceId = above?.traceId ?? randomHex(16);
    const isSampled = sampler(traceId, above);
    const context: TraceContext = {
      traceId,
      spanId: randomHex(8),
      // Our own trace ids are random (bit 1).
      flags: (above === undefined ? 2 : above.flags & ~sampledFlag) | (isSampled ? sampledFlag : 0),
      state: above?.state ?? '',
    };
    if (!isSampled) return contextSpan(context);
    const span = new RecordedSpan({
      name,
      kind,
      context,
      parentSpanId: above?.spanId,
      clock,
      cap,
      onEnd: exporter.add,
    });
    if (attributes !== undefined) span.set(attributes);
    return span;
  }

  return {
    isOn: true,
    hasContent: options.hasContent,
    start,
    startRequest: (name, incoming) => start(name, { kind: 'server', parent: incoming ?? null }),
    within: withinScope,
    current: scopedContext,
    redact: (text) => redact(cap(text)),
    close: () => exporter.close(closeLimitMs),
  };
}

function cap(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`;
}

/** Unix ms with fractions. It follows steps of the system's clock, but no span of a trace is measured by two clocks. */
function makeClock(): () => number {
  let offset = performance.timeOrigin;
  return () => {
    const elapsed = performance.now();
    if (Math.abs(Date.now() - offset - elapsed) > 1000) offset = Date.now() - elapsed;
    return offset + elapsed;
  };
}

const pool = Buffer.alloc(4096);
let used = pool.length;

/** From a pool: a call of the system for each id would cost more than the span. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString('hex', used, used + bytes);
  used += bytes;
  // All zeros would be no id.
  return /[1-9a-f]/.test(id) ? id : randomHex(bytes);
}
