// A collector that takes OTLP over HTTP with JSON and records the spans.

import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { waitFor } from '../wait-for.ts';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** The attributes of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
  /** The bodies, as they arrived. */
  readonly bodies: readonly string[];
  readonly headers: readonly NodeJS.Dict<string | string[]>[];
  /** Waits until this many spans have the name. */
  named(name: string, count?: number): Promise<readonly CollectedSpan[]>;
  /** Answers with this status from now on. */
  answer(status: number): void;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly Attribute[];
}

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  let resource: Readonly<Record<string, unknown>> = {};
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      if (status !== 200 || request.url !== '/v1/traces') return;
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      headers.push(request.headers);
      for (const part of (JSON.parse(body) as Export).resourceSpans) {
        resource = valuesOf(part.resource.attributes);
        for (const scope of part.scopeSpans) spans.push(...scope.spans.map(toSpan));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    bodies,
    headers,
    get resource() {
      return resource;
    },
    async named(name, count = 1) {
      const found = (): readonly CollectedSpan[] => spans.filter((span) => span.name === name);
      await waitFor(
        `${count} spans "${name}"`,
        () => found().length >= count,
        () => spans.map((span) => span.name),
      );
      return found();
    },
    answer(next) {
      status = next;
    },
  };
}

function toSpan(span: WireSpan): CollectedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    startedAt: Number(span.startTimeUnixNano) / 1e6,
    endedAt: Number(span.endTimeUnixNano) / 1e6,
    isError: span.status.code === 2,
    attributes: valuesOf(span.attributes),
  };
}

function valuesOf(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue),
    ]),
  );
}
