// W3C Trace Context: the place of a span in a distributed trace, as the headers `traceparent` and `tracestate` carry it.

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: the trace is recorded. */
  readonly flags: number;
  /** The value of `tracestate`; empty if there is none. */
  readonly state: string;
}

export const sampledFlag = 1;
/** Sampled, and random trace id (Trace Context level 2). Other bits must not be passed on. */
const knownFlags = 3;

const parentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxStateLength = 512;
const maxStateMembers = 32;
const memberPattern =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Undefined if `parent` is not a valid `traceparent`. An invalid `state` is dropped, as the specification asks. */
export function parseTraceContext(parent: string, state = ''): TraceContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] = parentPattern.exec(parent.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & knownFlags, state: validState(state) };
}

function validState(state: string): string {
  if (state === '') return '';
  const members = state
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const isValid = members.length <= maxStateMembers && members.every((member) => memberPattern.test(member));
  const text = members.join(',');
  return isValid && text.length <= maxStateLength ? text : '';
}

export function traceparentOf({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** The context as one text, for the store. */
export function packTraceContext(context: TraceContext): string {
  const parent = traceparentOf(context);
  return context.state === '' ? parent : `${parent} ${context.state}`;
}

/** The inverse of `packTraceContext`. */
export function unpackTraceContext(packed: string): TraceContext | undefined {
  const space = packed.indexOf(' ');
  return space < 0
    ? parseTraceContext(packed)
    : parseTraceContext(packed.slice(0, space), packed.slice(space + 1));
}
