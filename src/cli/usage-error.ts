// Invalid arguments. The message names the flag or argument, the value, and what is valid.

export class UsageError extends Error {
  override readonly name = 'UsageError';
}
