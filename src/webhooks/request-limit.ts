// Limits the requests of one webhook in flight: 8, halved each time the receiver is overloaded, and 1, 2, 4, 8 after it
// was down.

export const maxRequests = 8;

export interface RequestLimit {
  readonly value: number;
  /** Called when the receiver is back after it was down. */
  recovered(): void;
  succeeded(): void;
  /** Called when the receiver answered that it is overloaded. */
  overloaded(): void;
}

export function createRequestLimit(): RequestLimit {
  let value = maxRequests;
  let isRecovering = false;
  return {
    get value() {
      return value;
    },
    recovered() {
      value = 1;
      isRecovering = true;
    },
    succeeded() {
      value = Math.min(isRecovering ? value * 2 : value + 1, maxRequests);
    },
    overloaded() {
      value = Math.max(Math.floor(value / 2), 1);
      isRecovering = false;
    },
  };
}
