// The order in which a receiver got events.

/** The sequence numbers in the bodies. */
export function sequencesOf(requests: readonly { readonly body: Buffer }[]): number[] {
  return requests.map(({ body }) => (JSON.parse(body.toString()) as { sequence: number }).sequence);
}

export function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((left, right) => left - right);
}
