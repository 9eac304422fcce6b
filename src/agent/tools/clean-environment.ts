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
/** Without these, Windows does not find its own libraries and programs, nor programs their folders. */
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

/** The allowed part of `environment`, with TERM=dumb so that programs print plain text. */
export function cleanEnvironment(
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): Readonly<Record<string, string>> {
  const clean: Record<string, string> = { TERM: 'dumb' };
  for (const [given, value] of Object.entries(environment)) {
    // Windows does not tell Path from PATH; here one name is looked up.
    const name = platform === 'win32' ? given.toUpperCase() : given;
    const isAllowed = allowed.has(name) || (platform === 'win32' && allowedOnWindows.has(name));
    if (value !== undefined && (isAllowed || name.startsWith('LC_'))) clean[name] = value;
  }
  return clean;
}
