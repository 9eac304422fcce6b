// `client.uploads`.

import type { UploadedFile } from '../api-objects.ts';
import type { CallOptions, CreateOptions } from '../call-options.ts';
import { pathOf, toQuery } from '../query.ts';
import { Resource } from './resource.ts';

/** The images and files that prompts carry. */
export class Uploads extends Resource {
  /**
   * Uploads an image or a file. A part of a prompt names it by its id.
   *
   * @throws CodeBuddyApiError `file_too_large`, `unsupported_file_type`, `uploads_full`
   * @example
   * const { id } = await client.uploads.create(await readFile('shot.png'), { name: 'shot.png' });
   * await client.prompt({ prompt: 'what is wrong here?', parts: [{ type: 'image', fileId: id }] });
   */
  create(
    content: Uint8Array | ArrayBuffer,
    { name, ...options }: CreateOptions & { readonly name?: string } = {},
  ): Promise<UploadedFile> {
    const headers = { 'content-type': 'application/octet-stream' };
    return this.calls.create(`/api/files${toQuery({ name })}`, new Uint8Array(content), options, headers);
  }

  /** Gets the name, type and size of a file. @throws CodeBuddyApiError `upload_not_found` */
  get(id: string, options?: CallOptions): Promise<UploadedFile> {
    return this.calls.get(pathOf('files', id), options);
  }

  /** Gets the bytes of a file. @throws CodeBuddyApiError `upload_not_found` */
  content(id: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.calls.bytes(`${pathOf('files', id)}/content`, options);
  }

  /** Deletes a file. @throws CodeBuddyApiError `upload_not_found` */
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.calls.send('DELETE', pathOf('files', id), undefined, options);
  }
}
