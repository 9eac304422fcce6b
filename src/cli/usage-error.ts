// A wrong call: the message says which value is wrong and what would be right.

export class UsageError extends Error {
  override readonly name = 'UsageError';
}
