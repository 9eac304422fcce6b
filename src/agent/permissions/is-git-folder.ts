/**
 * The same test as git's: a HEAD, and objects and refs, its own or those of a common folder. `names`: its entries in
 * lower case.
 */
export function isGitFolder(names: ReadonlySet<string>): boolean {
  return names.has('head') && ((names.has('objects') && names.has('refs')) || names.has('commondir'));
}
