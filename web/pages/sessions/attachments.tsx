// Images and files for the next prompt: chosen, or pasted into the field. They are uploaded at once.

import { useRef, useState } from 'preact/hooks';
import type { UploadedFile } from '../../../src/client/web.ts';
import { client } from '../../app/sign-in.ts';
import { attempt } from '../../parts/toast.tsx';

export interface Attachments {
  readonly files: readonly UploadedFile[];
  add(files: Iterable<File>): Promise<void>;
  remove(id: string): void;
  clear(): void;
}

export function useAttachments(): Attachments {
  const [files, setFiles] = useState<readonly UploadedFile[]>([]);
  return {
    files,
    async add(added) {
      for (const file of added)
        await attempt(async () => {
          const uploaded = await client.uploads.create(await file.arrayBuffer(), {
            name: file.name || 'pasted',
          });
          setFiles((now) => [...now, uploaded]);
        });
    },
    remove: (id) => setFiles((now) => now.filter((file) => file.id !== id)),
    clear: () => setFiles([]),
  };
}

/** The parts of the prompt that the files become. */
export function partsOf({ files }: Attachments): object {
  if (files.length === 0) return {};
  return {
    parts: files.map(({ id, mediaType }) => ({
      type: mediaType.startsWith('image/') ? ('image' as const) : ('file' as const),
      fileId: id,
    })),
  };
}

export function AttachmentRow({
  attachments,
  disabled,
}: {
  readonly attachments: Attachments;
  readonly disabled: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Images and files"
        onChange={({ currentTarget }) => {
          void attachments.add([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
      <button type="button" class="bare tight" disabled={disabled} onClick={() => input.current?.click()}>
        Attach
      </button>
      {attachments.files.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          class="bare tight"
          title="Remove"
          onClick={() => attachments.remove(id)}
        >
          {name} ×
        </button>
      ))}
    </>
  );
}
