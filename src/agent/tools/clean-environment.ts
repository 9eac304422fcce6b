// What programs started by tools may know of our environment. A list of what is allowed: a list of secrets would never be complete.

const allowed = new Set([
  'HOME',
  'LANG',
  'LANGUAGE',
  'LOGNAME',
  'PATH',
  'SHELL',
  'TEMP',
  'TMP',
  'TMPDIR',
  'TZ',
  'USER',
]);

/** The allowed part of `environment`, with TERM=dumb so that programs print plain text. */
export function cleanEnvironment(environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const clean: Record<string, string> = { TERM: 'dumb' };
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (allowed.has(name) || name.startsWith('LC_'))) clean[name] = value;
  }
  return clean;
}
