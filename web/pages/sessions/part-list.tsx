// The parts of a message: images as pictures, files by their names. The page is signed in by a header, which a browser
// does not send for an image, so the bytes are loaded here.

import { useEffect, useState } from 'preact/hooks';
import type { Part } from '../../../src/client/web.ts';
import { client } from '../../app/sign-in.ts';

export function PartList({ parts }: { readonly parts: readonly Part[] | undefined }) {
  return parts?.map((part, index) => {
    if (part.type === 'text')
      return (
        <p key={index} class="plain">
          {part.text}
        </p>
      );
    return <Attached key={index} part={part} />;
  });
}

function Attached({ part: { type, fileId = '', name = '', mediaType } }: { readonly part: Part }) {
  const [url, setUrl] = useState('');
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    if (type !== 'image') return;
    let made = '';
    let isLeft = false;
    client.uploads.content(fileId).then(
      (bytes) => {
        if (isLeft) return;
        made = URL.createObjectURL(new Blob([bytes], { type: mediaType ?? '' }));
        setUrl(made);
      },
      () => setGone(true),
    );
    return () => {
      isLeft = true;
      URL.revokeObjectURL(made);
    };
  }, [fileId]);
  if (url !== '') return <img class="attached" src={url} alt={name} />;
  return (
    <p class="quiet">
      {name} ({mediaType}){isGone && ', no longer kept'}
    </p>
  );
}
