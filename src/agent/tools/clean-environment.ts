// The part of the server's environment that programs started by tools get. An allow list, since a list of secrets would
// never be complete.

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
/** Windows needs these to find its libraries and programs, and programs to find their folders. */
const allowedOnWindows = new Set([
  'APPDATA',
  'COMSPEC',
  'LOCALAPPDATA',
  'PATHEXT',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
]);

/** The allowed part of `environment`, with TERM=dumb, which makes programs print plain text. */
export function cleanEnvironment(
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): Readonly<Record<string, string>> {
  const clean: Record<string, string> = { TERM: 'dumb' };
  for (const [given, value] of Object.entries(environment)) {
    // On Windows, Path and PATH are the same variable.
    const name = platform === 'win32' ? given.toUpperCase() : given;
    const isAllowed = allowed.has(name) || (platform === 'win32' && allowedOnWindows.has(name));
    if (value !== undefined && (isAllowed || name.startsWith('LC_'))) clean[name] = value;
  }
  return clean;
}
