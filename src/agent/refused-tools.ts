// Tools that a provider refused, kept on disk: `doctor` reports them while no server runs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../base/atomic-file.ts';
import { makeFolders } from '../base/make-folders.ts';

export interface RefusedTool {
  readonly tool: string;
  readonly model: string;
  /** The provider's message. */
  readonly said: string;
  readonly at: string;
}

const fileName = 'refused-tools.json';
const maxKept = 50;
/** By then the tool's schema may have been fixed. */
const keptMs = 7 * 24 * 60 * 60 * 1000;

/** Oldest first. */
export function readRefusedTools(stateFolder: string, now: number): readonly RefusedTool[] {
  try {
    const value: unknown = JSON.parse(readFileSync(join(stateFolder, fileName), 'utf8'));
    return Array.isArray(value)
      ? value.filter(isRefusedTool).filter(({ at }) => now - Date.parse(at) < keptMs)
      : [];
  } catch {
    // Missing, or damaged by an edit: the file only holds hints.
    return [];
  }
}

/** @throws the system's error if it cannot be written */
export function noteRefusedTool(stateFolder: string, refused: RefusedTool): void {
  const others = readRefusedTools(stateFolder, Date.parse(refused.at)).filter(
    ({ tool, model }) => tool !== refused.tool || model !== refused.model,
  );
  makeFolders(stateFolder);
  writePrivateFile(
    join(stateFolder, fileName),
    `${JSON.stringify([...others, refused].slice(-maxKept), undefined, 2)}\n`,
  );
}

function isRefusedTool(value: unknown): value is RefusedTool {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['tool', 'model', 'said', 'at'].every(
      (key) => typeof (value as Record<string, unknown>)[key] === 'string',
    )
  );
}
