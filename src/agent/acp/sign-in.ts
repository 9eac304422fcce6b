// Whether somebody is signed in to an agent, as far as that is known without starting it. Only the presence of
// variables and files is looked at.

import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { SignInFile, SignInPlaces } from './agent-config.ts';

/** Null if it cannot be known. `environment` is that of the agent. */
export function isSignedIn(
  places: SignInPlaces | undefined,
  environment: Readonly<Record<string, string>>,
): boolean | null {
  if (places === undefined) return null;
  if (places.variables.some((name) => (environment[name] ?? '') !== '')) return true;
  if (places.files.some((place) => hasContent(pathOf(place, environment)))) return true;
  return places.isComplete ? false : null;
}

function pathOf(
  { variable, folder, file }: SignInFile,
  environment: Readonly<Record<string, string>>,
): string {
  const named = variable === undefined ? undefined : environment[variable];
  if (named !== undefined && isAbsolute(named)) return join(named, file);
  return join(environment.HOME ?? environment.USERPROFILE ?? '/', folder, file);
}

/** An empty file, or an empty JSON object, is left behind by a sign-out. */
function hasContent(path: string): boolean {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size > 2;
  } catch {
    return false;
  }
}
