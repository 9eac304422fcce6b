// A span in memory, from its start to its export.

import type { TraceContext } from '../base/trace-context.ts';
import type { Attributes, AttributeValue, Span, SpanKind } from '../base/tracing.ts';

export interface SpanEvent {
  readonly name: string;
  /** Unix ms. */
  readonly at: number;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export interface NewSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly clock: () => number;
  readonly cap: (text: string) => string;
  readonly onEnd: (span: RecordedSpan) => void;
}

/** A run that waits for days must not fill the memory. */
const maxEvents = 128;

export class RecordedSpan implements Span {
  readonly context: TraceContext;
  readonly kind: SpanKind;
  readonly parentSpanId: string | undefined;
  /** Unix ms. */
  readonly startedAt: number;
  readonly attributes = new Map<string, AttributeValue>();
  readonly events: SpanEvent[] = [];
  name: string;
  droppedEvents = 0;
  endedAt: number | undefined;
  failure: { readonly message: string } | undefined;
  readonly #options: NewSpan;

  constructor(options: NewSpan) {
    this.name = options.name;
    this.kind = options.kind;
    this.context = options.context;
    this.parentSpanId = options.parentSpanId;
    this.startedAt = options.clock();
    this.#options = options;
  }

  get isEnded(): boolean {
    return this.endedAt !== undefined;
  }

  set(attributes: Attributes): void {
    if (!this.isEnded) this.#put(this.attributes, attributes);
  }

  rename(name: string): void {
    if (!this.isEnded) this.name = name;
  }

  event(name: string, attributes: Attributes = {}): void {
    if (this.isEnded) return;
    if (this.events.length === maxEvents) {
      this.droppedEvents++;
      return;
    }
    const own = new Map<string, AttributeValue>();
    this.#put(own, attributes);
    this.events.push({ name, at: this.#options.clock(), attributes: own });
  }

  fail(type: string, message = ''): void {
    if (this.isEnded) return;
    this.attributes.set('error.type', type);
    this.failure = { message: this.#options.cap(message) };
  }

  end(): void {
    if (this.isEnded) return;
    this.endedAt = this.#options.clock();
    this.#options.onEnd(this);
  }

  #put(to: Map<string, AttributeValue>, attributes: Attributes): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) to.set(name, typeof value === 'string' ? this.#options.cap(value) : value);
    }
  }
}
