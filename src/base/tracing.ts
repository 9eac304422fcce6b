// The interface of tracing. `tracing/` has two implementations: one records spans with the OpenTelemetry SDK of the host
// application, one exports them by OTLP. The default, passive-tracing.ts, records nothing.

import type { TraceContext } from './trace-context.ts';

export type AttributeValue = string | number | boolean | readonly string[];

/** Undefined values are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export type SpanKind = 'internal' | 'server' | 'client';

/** A span that may be recorded. Changes after its end have no effect. */
export interface Span {
  /** Undefined outside of a trace. */
  readonly context: TraceContext | undefined;
  readonly isEnded: boolean;
  set(attributes: Attributes): void;
  rename(name: string): void;
  event(name: string, attributes?: Attributes): void;
  /** Marks the span as failed. `type` is a short code such as that of a problem. */
  fail(type: string, message?: string): void;
  end(): void;
}

export interface SpanOptions {
  /** @default 'internal' */
  readonly kind?: SpanKind;
  /** Null begins a new trace. @default the current span */
  readonly parent?: TraceContext | null | undefined;
  readonly attributes?: Attributes;
}

export interface Tracing {
  /** False: no span is recorded, so callers need not collect attributes. */
  readonly isOn: boolean;
  /** True if spans may have the text of prompts, answers and tools. */
  readonly hasContent: boolean;
  start(name: string, options?: SpanOptions): Span;
  /** The span of a request to this server. `incoming`: the trace of the caller. Undefined: no trace. */
  startRequest(name: string, incoming: TraceContext | undefined): Span | undefined;
  /** Runs `work` with `span` as the current one; undefined: outside of any trace. */
  within<T>(span: Span | undefined, work: () => T): T;
  /** The place of the current span. */
  current(): TraceContext | undefined;
  /** Removes secrets and excess length from an attribute that holds content. */
  redact(text: string): string;
  /** Exports what is left. */
  close(): Promise<void>;
}
