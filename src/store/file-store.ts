// The part of the store for the bytes that prompts carry: uploads, and images that tools read. They are outside of the
// event log, whose entries name them by their ids.

/** Everything but the bytes. Times are Unix milliseconds. */
export interface FileFacts {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  readonly createdAt: number;
}

export interface FileRow extends FileFacts {
  readonly data: Uint8Array;
}

export type FileWrite =
  | { readonly kind: 'putFile'; readonly file: FileRow }
  | { readonly kind: 'deleteFile'; readonly id: string };

export interface FileStore {
  find(id: string): Promise<FileFacts | undefined>;
  read(id: string): Promise<FileRow | undefined>;
  /** The bytes of all files together. */
  totalSize(): Promise<number>;
  /** Deletes at most `max` files older than `before`, oldest first. Resolves to their number. */
  prune(before: number, max: number): Promise<number>;
}
