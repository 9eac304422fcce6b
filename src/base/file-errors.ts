// Errors of the file system as sentences that name the file.

/** Describes an error in words: "it is a folder, not a file (EISDIR)". */
export function fileFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = words[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** `what` follows the path: "cannot be read", "cannot be written". */
export function fileError(path: string, what: string, cause: unknown): Error {
  return new Error(`${path} ${what}: ${fileFault(cause)}`, { cause });
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EEXIST: 'the file already exists',
  ENOENT: 'the file or its folder does not exist',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of its path is a file, not a folder',
  ELOOP: 'it is a symbolic link that points to itself',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota of this user is exhausted',
  EFBIG: 'the file would exceed the size limit',
  EROFS: 'the disk is read-only',
  EIO: 'the disk reports an I/O error',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  EBUSY: 'it is in use',
};
