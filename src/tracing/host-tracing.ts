// Records spans with the OpenTelemetry SDK that the host application has registered. Its settings apply: sampler, exporter,
// processors. The current span is also the one of `@opentelemetry/api`, so that spans of the host's own code and of its
// instrumentations belong to ours.

import {
  type Context,
  context as contexts,
  createTraceState,
  isSpanContextValid,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { TraceContext } from '../base/trace-context.ts';
import { withinScope } from '../base/trace-scope.ts';
import { noSpan } from '../base/trace-spans.ts';
import type { Attributes, AttributeValue, Span, SpanOptions, Tracing } from '../base/tracing.ts';
import { version } from '../base/version.ts';

export interface HostTracingOptions {
  readonly hasContent?: boolean;
  readonly redact?: (text: string) => string;
}

const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
const maxTextLength = 16 * 1024;

class HostSpan implements Span {
  readonly context: TraceContext | undefined;
  readonly otel: OtelSpan;
  isEnded = false;
  /** False for a span of the host's instrumentation, which ends it. */
  readonly #isOwn: boolean;

  constructor(otel: OtelSpan, isOwn: boolean) {
    this.otel = otel;
    this.context = toTraceContext(otel.spanContext());
    this.#isOwn = isOwn;
  }

  set(attributes: Attributes): void {
    this.otel.setAttributes(defined(attributes));
  }

  rename(name: string): void {
    this.otel.updateName(name);
  }

  event(name: string, attributes: Attributes = {}): void {
    this.otel.addEvent(name, defined(attributes));
  }

  fail(type: string, message?: string): void {
    this.otel.setAttribute('error.type', type);
    this.otel.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) });
  }

  end(): void {
    this.isEnded = true;
    ended.add(this.otel);
    if (this.#isOwn) this.otel.end();
  }
}

/** Work that outlives its span belongs to no trace. */
const ended = new WeakSet<OtelSpan>();

export function createHostTracing({
  hasContent = false,
  redact = (text) => text,
}: HostTracingOptions): Tracing {
  const tracer = trace.getTracer('codebuddy-api', version);

  function active(): OtelSpan | undefined {
    const span = trace.getSpan(contexts.active());
    return span === undefined || ended.has(span) ? undefined : span;
  }

  function contextFor(parent: TraceContext | null | undefined): Context {
    if (parent === undefined) return active() === undefined ? ROOT_CONTEXT : contexts.active();
    if (parent === null) return ROOT_CONTEXT;
    return trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent));
  }

  function start(name: string, { kind = 'internal', parent, attributes = {} }: SpanOptions = {}): Span {
    const options = { kind: kinds[kind], attributes: defined(attributes) };
    return new HostSpan(tracer.startSpan(name, options, contextFor(parent)), true);
  }

  return {
    isOn: true,
    hasContent,
    start,
    startRequest(name, incoming) {
      const found = active();
      // An instrumentation of node:http has made the span of this request.
      if (found?.isRecording() && 'kind' in found && found.kind === SpanKind.SERVER)
        return new HostSpan(found, false);
      return start(name, { kind: 'server', parent: incoming ?? null });
    },
    within(span, work) {
      const context =
        span instanceof HostSpan
          ? trace.setSpan(contexts.active(), span.otel)
          : trace.deleteSpan(contexts.active());
      return withinScope(span ?? noSpan, () => contexts.with(context, work));
    },
    current() {
      const span = active();
      return span === undefined ? undefined : toTraceContext(span.spanContext());
    },
    redact: (text) => redact(text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`),
    // The SDK is the host's, which ends it.
    close: async () => undefined,
  };
}

function defined(
  attributes: Attributes,
): Record<string, AttributeValue & (string | number | boolean | string[])> {
  const known: Record<string, AttributeValue & (string | number | boolean | string[])> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    known[name] = typeof value === 'object' ? [...value] : value;
  }
  return known;
}

/** Undefined if the provider records nothing. */
function toTraceContext(context: SpanContext): TraceContext | undefined {
  const { traceId, spanId, traceFlags, traceState } = context;
  if (!isSpanContextValid(context)) return undefined;
  return { traceId, spanId, flags: traceFlags, state: traceState?.serialize() ?? '' };
}

function toSpanContext({ traceId, spanId, flags, state }: TraceContext): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(state === '' ? {} : { traceState: createTraceState(state) }),
  };
}
