// What the operating system's errors mean to a model and to a caller. Every error of a system call becomes a `CodeBuddyError` that
// names its errno; none of the machine's own paths gets into the message.

import { getSystemErrorMap } from 'node:util';
import { CodeBuddyError, exhaustionOf, type ProblemCode } from '../../base/errors.ts';

/** What follows the path or the tool's name, by errno. */
const words: Readonly<Record<string, string>> = {
  ENOTDIR: 'has a part that is not a folder',
  ELOOP: 'is a symbolic link that was not there before, or a loop of links',
  EISDIR: 'is a folder',
  EACCES: 'may not be used by this server: permission denied',
  EPERM: 'may not be used by this server: operation not permitted',
  ENAMETOOLONG: 'has a name that is too long',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the disk quota is used up',
  EROFS: 'cannot be written: the file system is read-only',
  EBUSY: 'is in use by the system, for example as a mount point',
  ETXTBSY: 'is a program that is running',
  EFBIG: 'would become larger than the file system or a limit allows',
  EIO: 'cannot be used: the disk reported an input/output error',
  ENXIO: 'belongs to a device that is not there',
  ENODEV: 'belongs to a device that is not there',
  ENOTEMPTY: 'is a folder that is not empty',
  EEXIST: 'exists already',
  EXDEV: 'lies on another file system',
  EMLINK: 'has too many links',
  EINVAL: 'cannot be used this way by its file system',
  EILSEQ: 'has a name that its file system does not accept',
  EOPNOTSUPP: 'lies on a file system that does not support this',
  ENOTSUP: 'lies on a file system that does not support this',
  ENOSYS: 'lies on a file system that does not support this',
  ESTALE: 'lies on a network file system that lost it',
  ETIMEDOUT: 'cannot be reached: its file system does not answer',
  EHOSTDOWN: 'cannot be reached: its file system does not answer',
  ENOTCONN: 'cannot be reached: its file system is not connected',
  E2BIG: 'has parameters that are too long for the operating system',
  ENOEXEC: 'is not a program that this machine can run',
};

/** Besides those of `exhaustionOf`. The machine, not the file, is at its limit: a later call can succeed. */
const exhausted: Readonly<Record<string, string>> = {
  EAGAIN: 'this machine has no process or thread left',
  ENOBUFS: 'this machine has no buffer space left',
};

/** The name of the errno of an error of a system call, as `EBUSY`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) && !(error instanceof CodeBuddyError) ? error.code : undefined;
}

/** `subject`: the path or the tool that the sentence is about. Undefined if the error is not the operating system's. */
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
