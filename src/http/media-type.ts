// The media type of a file: by the end of its name, else by its first bytes.

import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';

export interface MediaType {
  readonly type: string;
  /** True for documents that may contain scripts. */
  readonly isActive: boolean;
}

const binaryTypes: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  ico: 'image/x-icon',
  bmp: 'image/bmp',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  webm: 'video/webm',
  zip: 'application/zip',
  gz: 'application/gzip',
  tgz: 'application/gzip',
  wasm: 'application/wasm',
  woff: 'font/woff',
  woff2: 'font/woff2',
};

const textTypes: Readonly<Record<string, string>> = {
  css: 'text/css',
  csv: 'text/csv',
  js: 'text/javascript',
  mjs: 'text/javascript',
  cjs: 'text/javascript',
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  md: 'text/markdown',
  txt: 'text/plain',
  log: 'text/plain',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

const activeTypes: Readonly<Record<string, string>> = {
  html: 'text/html',
  htm: 'text/html',
  xhtml: 'application/xhtml+xml',
  svg: 'image/svg+xml',
  xml: 'application/xml',
  xsl: 'application/xml',
  mhtml: 'multipart/related',
  pdf: 'application/pdf',
};

/** A NUL within these bytes means a binary file, as in git. */
const sniffedBytes = 8192;

export async function mediaTypeOf(name: string, handle: FileHandle, size: number): Promise<MediaType> {
  const end = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  const binary = binaryTypes[end];
  if (binary !== undefined) return { type: binary, isActive: false };
  const active = activeTypes[end];
  if (active === 'application/pdf') return { type: active, isActive: true };
  const charset = await charsetOf(handle, size);
  if (active !== undefined)
    return { type: charset === undefined ? active : `${active}; charset=${charset}`, isActive: true };
  const text = textTypes[end];
  if (charset === undefined) return { type: 'application/octet-stream', isActive: false };
  return { type: `${text ?? 'text/plain'}; charset=${charset}`, isActive: false };
}

/** Undefined for a binary file. */
async function charsetOf(handle: FileHandle, size: number): Promise<string | undefined> {
  const { buffer, bytesRead } = await handle.read({
    buffer: Buffer.alloc(Math.min(size, sniffedBytes)),
    position: 0,
  });
  const bytes = buffer.subarray(0, bytesRead);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes.includes(0)) return undefined;
  // The last character may be cut.
  for (let cut = 0; cut < 4 && cut <= bytes.length; cut++)
    if (isUtf8(bytes.subarray(0, bytes.length - cut))) return 'utf-8';
  return 'windows-1252';
}
