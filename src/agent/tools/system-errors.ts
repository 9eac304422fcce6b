// Explains errors of the operating system to models and callers. Every error of a system call becomes a
// `CodeBuddyError` that names its errno; the message never contains a path of the machine.

import { getSystemErrorMap } from 'node:util';
import { CodeBuddyError, exhaustionOf, type ProblemCode } from '../../base/errors.ts';

/** The words after the path or the tool's name, by errno. */
const words: Readonly<Record<string, string>> = {
  ENOTDIR: 'has a part that is not a folder',
  ELOOP: 'is a new symbolic link, or a loop of links',
  EISDIR: 'is a folder',
  EACCES: 'cannot be used by this server: permission denied',
  EPERM: 'cannot be used by this server: operation not permitted',
  ENAMETOOLONG: 'has a name that is too long',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the disk quota is used up',
  EROFS: 'cannot be written: the file system is read-only',
  EBUSY: 'is in use by the system, for example as a mount point',
  ETXTBSY: 'is a program that is running',
  EFBIG: 'would become larger than the file system or a limit allows',
  EIO: 'cannot be used: the disk reported an input/output error',
  ENXIO: 'belongs to a device that does not exist',
  ENODEV: 'belongs to a device that does not exist',
  ENOTEMPTY: 'is a folder that is not empty',
  EEXIST: 'already exists',
  EXDEV: 'is on another file system',
  EMLINK: 'has too many links',
  EINVAL: 'cannot be used this way by its file system',
  EILSEQ: 'has a name that its file system does not accept',
  EOPNOTSUPP: 'is on a file system that does not support this',
  ENOTSUP: 'is on a file system that does not support this',
  ENOSYS: 'is on a file system that does not support this',
  ESTALE: 'is on a network file system that has lost it',
  ETIMEDOUT: 'cannot be reached: its file system does not answer',
  EHOSTDOWN: 'cannot be reached: its file system does not answer',
  ENOTCONN: 'cannot be reached: its file system is not connected',
  E2BIG: 'has parameters that are too long for the operating system',
  ENOEXEC: 'is not a program that this machine can run',
};

/** In addition to those of `exhaustionOf`. The limit is the machine's, not the file's: a later call can succeed. */
const exhausted: Readonly<Record<string, string>> = {
  EAGAIN: 'this machine has no process or thread left',
  ENOBUFS: 'this machine has no buffer space left',
};

/** The errno of an error of a system call, such as `EBUSY`; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) && !(error instanceof CodeBuddyError) ? error.code : undefined;
}

/**
 * `subject`: the path or tool that begins the sentence. Undefined if the error does not come from the operating system.
 */
export function explainSystemError(subject: string, cause: unknown): CodeBuddyError | undefined {
  const exhaustion = exhaustionOf(cause);
  if (exhaustion !== undefined) return exhaustion;
  const errno = errnoOf(cause);
  if (errno === undefined) return undefined;
  const shortage = exhausted[errno];
  const [code, sentence]: [ProblemCode, string] =
    shortage === undefined
      ? ['tool_failed', `${subject} ${words[errno] ?? `cannot be used: ${systemWords(errno)}`} (${errno}).`]
      : ['resources_exhausted', `${subject} cannot be used now: ${shortage} (${errno}). Try again later.`];
  return new CodeBuddyError(code, sentence, { cause });
}

function systemWords(errno: string): string {
  for (const [name, message] of getSystemErrorMap().values()) if (name === errno) return message;
  return 'the operating system refused it';
}
