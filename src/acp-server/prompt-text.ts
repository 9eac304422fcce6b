// A prompt of an editor as text: mentions of files stay where they are, and embedded files follow at the end.

import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContentBlock } from '@agentclientprotocol/sdk/unstable';
import { isInFolder } from '../base/is-in-folder.ts';
import { isBlank } from '../base/text.ts';
import { invalidParams } from './request-errors.ts';

/** @throws RequestError for blocks that the agent cannot read, and for a prompt without text */
export function promptText(blocks: readonly ContentBlock[], workspace: string | undefined): string {
  const embedded: string[] = [];
  const text = blocks
    .map((block, index) => {
      if (block.type === 'text') return block.text;
      if (block.type === 'resource_link') return shownUri(block.uri, workspace);
      if (block.type !== 'resource')
        throw invalidParams(`prompt[${index}] must be text or a resource: ${block.type} is not supported.`);
      const { resource } = block;
      if (!('text' in resource))
        throw invalidParams(`prompt[${index}].resource must have text: binary files are not supported.`);
      const name = shownUri(resource.uri, workspace);
      embedded.push(`\n\n<context ref=${JSON.stringify(name)}>\n${resource.text}\n</context>`);
      return name;
    })
    .join('');
  if (isBlank(text)) throw invalidParams('prompt must contain text.');
  return text + embedded.join('');
}

/** Files of the workspace by their path in it, as tools take them; other files by their whole path. */
function shownUri(uri: string, workspace: string | undefined): string {
  if (!uri.startsWith('file:')) return uri;
  const [file = '', fragment] = uri.split('#');
  let path: string;
  try {
    path = fileURLToPath(file);
  } catch {
    return uri;
  }
  const isInside = workspace !== undefined && path !== workspace && isInFolder(path, workspace);
  const shown = isInside ? relative(workspace, path).split(sep).join('/') : path;
  // The lines that the user selected.
  return fragment?.startsWith('L') ? `${shown}#${fragment}` : shown;
}
