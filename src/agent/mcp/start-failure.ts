/** An MCP server could not be reached. The message is the end of "The MCP server ...". */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  /** The redacted end of the stderr of its program. */
  readonly stderr: string;
  constructor(message: string, { cause, stderr }: { readonly cause: unknown; readonly stderr: string }) {
    super(message, { cause });
    this.stderr = stderr;
  }
}
