// The fence between a node and the store: with which epoch the node writes, and what happens if the store refuses it.

export interface FenceKey {
  readonly nodeId: string;
  readonly epoch: number;
}

/** Every transaction that writes begins with `statements.fence` and these values. */
export interface Fence {
  /** Undefined while the node is not a member: writes are refused at once. */
  current(): FenceKey | undefined;
  /** `statements.fence` found no row: the node was declared dead. */
  refused(key: FenceKey): void;
}
