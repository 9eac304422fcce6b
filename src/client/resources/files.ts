// `client.files`.

import type { Answer, FileEntry, Query } from '../api-objects.ts';
import type { CallOptions } from '../call-options.ts';
import type { PageList } from '../paging.ts';
import { Resource } from './resource.ts';

/** Files of the workspace. */
export class Files extends Resource {
  /**
   * Lists the entries of a folder, folders first. Ignored files are left out. With `sessionId`, those of the workspace of
   * that session.
   *
   * @throws CodeBuddyApiError `file_not_found`, `outside_workspace`, `permission_denied`
   * @example
   * for await (const { path, size } of client.files.list({ path: 'src' })) console.log(path, size);
   */
  list(query?: Query<'listFiles'>, options?: CallOptions): PageList<Answer<'listFiles', 200>, FileEntry> {
    return this.calls.list('/api/files', options, query, ({ files }) => files);
  }

  /**
   * Gets the content of a text file. For other files, send `GET /api/files/content` yourself.
   *
   * @throws CodeBuddyApiError `file_not_found`, `outside_workspace`, `permission_denied`
   * @example
   * const readme = await client.files.text('README.md');
   */
  text(
    path: string,
    { sessionId, ...options }: CallOptions & { readonly sessionId?: string } = {},
  ): Promise<string> {
    return this.calls.text('/api/files/content', options, { path, sessionId });
  }
}
