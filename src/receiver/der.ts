// The few types of ASN.1 that a certificate is made of, as DER (X.690): each function gives tag, length and content.

export const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
export const set = (...parts: readonly Buffer[]): Buffer => tagged(0x31, Buffer.concat(parts));
/** OCTET STRING */
export const bytes = (content: Buffer): Buffer => tagged(0x04, content);
/** UTF8String */
export const text = (content: string): Buffer => tagged(0x0c, Buffer.from(content, 'utf8'));
/** BOOLEAN */
export const flag = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]));
/** INTEGER of big-endian bytes, which must not begin with a needless 0; never negative. */
export const whole = (value: Buffer): Buffer =>
  tagged(0x02, (value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), value]) : value);
/** BIT STRING; `unused` bits at its end do not count. */
export const bits = (content: Buffer, unused = 0): Buffer =>
  tagged(0x03, Buffer.concat([Buffer.from([unused]), content]));
/** `[n] EXPLICIT`: around another value. */
export const explicit = (number: number, content: Buffer): Buffer => tagged(0xa0 | number, content);
/** `[n] IMPLICIT`: in place of a simple value's own tag. */
export const context = (number: number, content: Buffer): Buffer => tagged(0x80 | number, content);

/** OBJECT IDENTIFIER, written with dots. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5); to the second. */
export function time(at: Date): Buffer {
  const digits = `${at.toISOString().replace(/[-:T]|\.\d+/g, '')}`;
  const year = at.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(0x18, Buffer.from(digits, 'latin1'));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...length(content.length)]), content]);
}

/** Short below 128, else the number of bytes that follow. */
function length(count: number): number[] {
  if (count < 0x80) return [count];
  const digits: number[] = [];
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return [0x80 | digits.length, ...digits];
}

/** Seven bits a byte; all but the last have the high bit. */
function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}
