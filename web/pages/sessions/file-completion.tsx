// `@src/ma` in a prompt: the files of the workspace whose paths contain it. The arrow keys select; Enter or Tab inserts.

import { useLayoutEffect, useState } from 'preact/hooks';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { sessionIn } from '../../app/workspaces.ts';

const quietMs = 150;
const maxFiles = 8;

export interface FileCompletion {
  readonly files: readonly string[];
  readonly chosen: number;
  /** True if the key was used. */
  onKey(event: KeyboardEvent): boolean;
  take(file: string): void;
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Place {
  /** The files are those of its workspace. */
  readonly sessionId: string | undefined;
  /** Without a session. Undefined: that of the server. */
  readonly workspace: string | undefined;
}

/** `caret`: its position in the text. `replace`: puts a text in place of a part. */
export function useFileCompletion(
  text: string,
  caret: number,
  { sessionId, workspace }: Place,
  replace: (start: number, end: number, by: string) => void,
): FileCompletion {
  const [found, setFound] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState(0);
  const [dismissed, setDismissed] = useState<string>();
  const word = wordAt(text, caret);
  const mayList = !may('tools').disabled;
  const wanted = word === undefined || !mayList ? undefined : word.text;

  // Before the next key, which would take a file of the earlier text.
  useLayoutEffect(() => {
    setFound([]);
    setChosen(0);
    if (wanted === undefined) return undefined;
    const stop = new AbortController();
    const find = async (): Promise<void> => {
      const part = wanted.replace(/[*?[\]{}!()\\]/g, '?');
      const patterns = part.includes('/') ? [`${part}*`, `**/${part}*`] : [`**/*${part}*`];
      const session = sessionId ?? (await sessionIn(workspace, stop.signal));
      // Tools run in the workspace of a session. Nobody has worked in this one yet.
      if (session === null) return;
      const lists = await Promise.all(patterns.map((pattern) => list(pattern, session, stop.signal)));
      if (!stop.signal.aborted) setFound([...new Set(lists.flat())].slice(0, maxFiles));
    };
    // Completion is only a help.
    const timer = setTimeout(() => void find().catch(() => undefined), quietMs);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [wanted, sessionId, workspace]);

  const files = wanted !== undefined && dismissed !== wanted ? found : [];
  const take = (file: string): void => {
    if (word !== undefined) replace(word.start, word.end, `${file} `);
  };
  return {
    files,
    chosen,
    take,
    onKey(event) {
      if (files.length === 0 || event.ctrlKey || event.metaKey) return false;
      if (event.key === 'ArrowDown') setChosen((chosen + 1) % files.length);
      else if (event.key === 'ArrowUp') setChosen((chosen + files.length - 1) % files.length);
      else if (event.key === 'Enter' || event.key === 'Tab') take(files[chosen] ?? '');
      else if (event.key === 'Escape') setDismissed(wanted);
      else return false;
      return true;
    },
  };
}

/** The part after an `@` that begins a word, up to the caret. */
function wordAt(text: string, caret: number): Word | undefined {
  const match = /(?:^|\s)@([^\s@]*)$/.exec(text.slice(0, caret));
  if (match === null) return undefined;
  const [, part = ''] = match;
  return { start: caret - part.length - 1, end: caret, text: part };
}

/** Empty if the tool is missing or refuses the pattern. */
async function list(
  pattern: string,
  sessionId: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { result } = await client.tools.run(
      'glob',
      { pattern, maxResults: maxFiles },
      { signal, ...(sessionId === undefined ? {} : { sessionId }) },
    );
    const { files } = result as { readonly files?: readonly string[] };
    return files ?? [];
  } catch {
    return [];
  }
}
