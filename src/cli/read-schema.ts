// Reads the file of `--schema`.

import { readFileSync } from 'node:fs';
import { fileError } from '../base/file-errors.ts';
import { isRecord } from '../base/is-record.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError if the file holds no JSON object */
export function readSchema(file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(file, 'cannot be read', error);
  }
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--schema ${file} is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (isRecord(schema)) return schema;
  throw new UsageError(`--schema ${file} must hold a JSON Schema, which is an object.`);
}
