// Spans as the JSON of OTLP/HTTP: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Ids are hexadecimal,
// and 64-bit numbers are text.

import { sampledFlag } from '../base/trace-context.ts';
import type { AttributeValue, SpanKind } from '../base/tracing.ts';
import type { RecordedSpan } from './recorded-span.ts';

export interface Resource {
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  readonly scope: { readonly name: string; readonly version: string };
}

const kinds: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 };
const errorStatus = 2;
/** The flags of a span say whether its parent is of another process; bit 8: that is known. */
const parentIsKnown = 0x100;

export function otlpJson({ attributes, scope }: Resource, spans: readonly RecordedSpan[]): string {
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: listOf(attributes) }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] },
    ],
  });
}

function spanOf(span: RecordedSpan): object {
  const { context, parentSpanId, name, kind, events, droppedEvents, failure, startedAt } = span;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(context.state === '' ? {} : { traceState: context.state }),
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    flags: (context.flags & sampledFlag) | parentIsKnown,
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(span.endedAt ?? startedAt),
    attributes: listOf(span.attributes),
    events: events.map((event) => ({
      name: event.name,
      timeUnixNano: nanoseconds(event.at),
      attributes: listOf(event.attributes),
    })),
    droppedEventsCount: droppedEvents,
    status: failure === undefined ? {} : { code: errorStatus, message: failure.message },
  };
}

/** Whole microseconds: a number of JavaScript cannot hold the nanoseconds of today. */
function nanoseconds(unixMs: number): string {
  return `${Math.round(unixMs * 1000)}000`;
}

function listOf(attributes: ReadonlyMap<string, AttributeValue>): readonly object[] {
  return Array.from(attributes, ([key, value]) => ({ key, value: toValue(value) }));
}

function toValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
}
