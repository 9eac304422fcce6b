// The service for the files that prompts carry.

import type { UploadedFile } from '../contract/uploaded-file.ts';

export interface UploadService {
  /** Bytes of one file, at most. */
  readonly maxFileSize: number;
  /** @throws CodeBuddyError `file_too_large`, `unsupported_file_type`, `uploads_full` */
  upload(data: Buffer, name: string | undefined): Promise<UploadedFile>;
  /** @throws CodeBuddyError `upload_not_found` */
  get(id: string): Promise<UploadedFile>;
  /** @throws CodeBuddyError `upload_not_found` */
  read(id: string): Promise<{ readonly file: UploadedFile; readonly data: Buffer }>;
  /** @throws CodeBuddyError `upload_not_found` */
  delete(id: string): Promise<void>;
}
