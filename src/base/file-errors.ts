// What the system says about a file, in words for a person that name the file. Every room may import it.

/** The end of a sentence that begins with the file: "it is a folder", "the disk is full". */
export function fileFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = words[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** `what`: "cannot be read", "cannot be written". */
export function fileError(path: string, what: string, cause: unknown): Error {
  return new Error(`${path} ${what}: ${fileFault(cause)}`, { cause });
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'this user may not do that',
  EPERM: 'the system does not allow it',
  EEXIST: 'there is a file already',
  ENOENT: 'it, or the folder it is in, does not exist',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  ELOOP: 'it is a symbolic link that leads back to itself',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'it is larger than this user may write',
  EROFS: 'the disk is read-only',
  EIO: 'the disk reports an error',
  EMFILE: 'this process has too many files open',
  ENFILE: 'this machine has too many files open',
  EBUSY: 'it is in use by the system',
};
