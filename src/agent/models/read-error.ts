// Reads a provider's error in any shape: a response with a status, an object inside a stream, JSON inside a text. Each
// provider package understands one shape; gateways and local servers send others.

import { isRecord } from '../../base/is-record.ts';

export interface ErrorFacts {
  /** The status of the response, or one that an error inside a stream names; undefined if there was no response. */
  readonly status: number | undefined;
  /** True if the error came after a successful status. */
  readonly isInStream: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** The wait that the body asks for (Gemini: google.rpc.RetryInfo). */
  readonly retryDelayMs: number | undefined;
  /** `code`, `type` and similar fields, at any depth, as strings. */
  readonly codes: readonly string[];
  /** The part of the request that it names, such as `tools[3].function.parameters`; empty if none. */
  readonly param: string;
  /** True if the body is a web page. */
  readonly isWebPage: boolean;
  /** All of its messages; those of a web page are left out. */
  readonly text: string;
  /** The message for a person; empty if there is none. */
  readonly sentence: string;
}

/** Deeper than any known error: one of a provider, inside one of a gateway, inside one of another gateway. */
const maxDepth = 12;

/** Undefined for an error that is not a provider's response. */
export function readError(error: unknown): ErrorFacts | undefined {
  const said = new Said();
  if (isErrorNamed(error, 'AI_TypeValidationError')) {
    // An error in a shape that the package does not know, such as `{"error": "text"}`.
    const { value } = error as Error & { value?: unknown };
    if (!isRecord(value) || !['error', 'message', 'detail'].some((key) => key in value)) return undefined;
    said.read(value, 0);
    return said.facts(said.status, {}, true);
  }
  if (isErrorNamed(error, 'AI_APICallError', 'AI_StreamProviderError', 'AI_ProviderStreamError')) {
    const { statusCode, responseHeaders, responseBody, data, code, type } = error as Error &
      Record<string, unknown>;
    said.read(typeof responseBody === 'string' ? responseBody : undefined, 0);
    said.read(data, 0);
    said.read({ code, type, message: error.message }, 0);
    const status = typeof statusCode === 'number' ? statusCode : said.status;
    const headers = isRecord(responseHeaders) ? (responseHeaders as Record<string, string>) : {};
    return said.facts(status, headers, error.name !== 'AI_APICallError');
  }
  if (error instanceof Error) return undefined;
  if (typeof error !== 'string' && !isRecord(error)) return undefined;
  said.read(error, 0);
  return said.facts(said.status, {}, true);
}

export function isErrorNamed(error: unknown, ...names: readonly string[]): error is Error {
  return error instanceof Error && names.includes(error.name);
}

const wordKeys = new Set([
  'message',
  'msg',
  'error',
  'detail',
  'details',
  'errors',
  'raw',
  'title',
  'reason',
  'failed_generation',
  'error_message',
]);
const codeKeys = new Set([
  'quotaid',
  'code',
  'type',
  'status',
  'statuscode',
  'http_code',
  'error_type',
  'error_code',
  'errorcode',
]);

class Said {
  status: number | undefined;
  private retryDelayMs: number | undefined;
  private param = '';
  private readonly codes: string[] = [];
  private readonly words: string[] = [];

  read(value: unknown, depth: number): void {
    if (depth > maxDepth || value === undefined || value === null) return;
    if (typeof value === 'string') {
      const inside = jsonIn(value);
      if (inside === undefined) this.words.push(value);
      else this.read(inside, depth + 1);
      return;
    }
    if (Array.isArray(value)) {
      for (const item of value.slice(0, 20)) this.read(item, depth + 1);
      return;
    }
    if (typeof value !== 'object') return;
    for (const [key, item] of Object.entries(value)) {
      const name = key.toLowerCase();
      if (name === 'retrydelay' && typeof item === 'string') this.retryDelayMs = secondsIn(item);
      else if (name === 'param' && typeof item === 'string') this.param ||= item;
      else if (codeKeys.has(name) && (typeof item === 'string' || typeof item === 'number'))
        this.readCode(item);
      else if (wordKeys.has(name)) this.read(item, depth + 1);
      // For example `response` in OpenAI's `response.failed`, and OpenRouter's `metadata`.
      else if (typeof item === 'object') this.read(item, depth + 1);
    }
  }

  private readCode(code: string | number): void {
    const number = Number(code);
    if (Number.isInteger(number) && number >= 400 && number < 600) this.status ??= number;
    else this.codes.push(String(code));
  }

  facts(
    status: number | undefined,
    headers: Readonly<Record<string, string>>,
    isInStream: boolean,
  ): ErrorFacts {
    const all = [...new Set(this.words.map((text) => text.trim()).filter((text) => text !== ''))];
    const words = all.filter((text) => !looksLikePage(text));
    return {
      status,
      isInStream: isInStream || (status !== undefined && status < 400),
      headers,
      retryDelayMs: this.retryDelayMs,
      codes: this.codes,
      param: this.param,
      isWebPage: words.length < all.length,
      text: words.join('\n'),
      sentence: words[0] ?? '',
    };
  }
}

export function looksLikePage(text: string): boolean {
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b/i.test(
    text.slice(0, 1000),
  );
}

/** `45.8s` */
function secondsIn(text: string): number | undefined {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(text)?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

function jsonIn(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // Text that starts with a bracket.
    return undefined;
  }
}
