// Judges a failed start of bubblewrap. Only a cause that is known to be permanent counts as "cannot work here". Any
// other cause may pass, so the command is refused rather than run without the sandbox.

/** The end of bubblewrap before it ran the command. */
export interface SetupFailure {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** See `SandboxState`. */
export type SetupVerdict = {
  readonly status: 'missing' | 'unavailable' | 'failed';
  readonly reason: string;
};

/** Messages of temporary causes: memory, processes, descriptors or namespaces are used up. */
const passing =
  /ENOSPC|ENOMEM|EAGAIN|EMFILE|ENFILE|EBUSY|EINTR|No space left|Cannot allocate memory|temporarily unavailable|Too many open files|Device or resource busy|Interrupted/i;

/** Messages of permanent causes, which last until the machine is changed. */
const lasting =
  /Unknown option|No permissions to creat|Operation not permitted|Permission denied|Read-only file system|Function not implemented|Invalid argument|Operation not supported|setting up uid map|Failed RTM_NEWADDR|Can't mount proc|No such file or directory|need to be (root|run as)|setuid/i;

export function judgeSetupFailure({ exitCode, signal, stderr }: SetupFailure): SetupVerdict {
  if (signal !== null)
    return { status: 'failed', reason: `bubblewrap was too slow, or was ended by ${signal}` };
  const said = stderr.trim().slice(0, 500);
  const words = said === '' ? `exit code ${exitCode}` : said;
  return lasting.test(said) && !passing.test(said)
    ? { status: 'unavailable', reason: `bubblewrap does not work here: ${words}` }
    : { status: 'failed', reason: `bubblewrap failed: ${words}` };
}
