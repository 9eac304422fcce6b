/** git's own test of a folder: a HEAD, and objects and refs, its own or those of a common folder. `names` in lower case. */
export function isGitFolder(names: ReadonlySet<string>): boolean {
  return names.has('head') && ((names.has('objects') && names.has('refs')) || names.has('commondir'));
}
