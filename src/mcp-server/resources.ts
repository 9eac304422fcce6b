// The resources of the MCP server: the transcripts of sessions, and the files of the workspace.

import {
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  type Server,
} from '@modelcontextprotocol/server';
import { CodeBuddyError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import type { Caller } from './caller.ts';
import type { McpServices } from './services.ts';

const sessionPrefix = 'codebuddy://sessions/';
const filePrefix = 'codebuddy://files/';
const pageSize = 50;

/** Adds the methods of resources. A caller sees those that its key may read. */
export function addResources(
  server: Server,
  caller: Caller,
  { sessions, tools, cursors }: McpServices,
): void {
  server.setRequestHandler('resources/list', async ({ params }) => {
    if (!caller.may('read')) return { resources: [] };
    const page = await sessions.list({
      ...cursors.read('resources', { limit: pageSize, cursor: params?.cursor }),
      archived: false,
    });
    const next = cursors.next('resources', page);
    return {
      resources: page.items.map(({ id, title, updatedAt }) => ({
        uri: `${sessionPrefix}${id}`,
        name: id,
        title,
        mimeType: 'text/markdown',
        annotations: { lastModified: updatedAt },
      })),
      ...(next === null ? {} : { nextCursor: next }),
    };
  });
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: [
      ...(caller.may('read')
        ? [
            {
              uriTemplate: `${sessionPrefix}{id}`,
              name: 'session',
              title: 'Transcript of a session',
              mimeType: 'text/markdown',
            },
          ]
        : []),
      ...(caller.may('tools')
        ? [{ uriTemplate: `${filePrefix}{+path}`, name: 'file', title: 'File of the workspace' }]
        : []),
    ],
  }));
  server.setRequestHandler('resources/read', async ({ params: { uri } }) => {
    try {
      if (uri.startsWith(sessionPrefix)) return await readSession(uri, uri.slice(sessionPrefix.length));
      if (uri.startsWith(filePrefix)) return await readFile(uri, pathOf(uri));
    } catch (error) {
      if (!(error instanceof CodeBuddyError)) throw error;
      if (['session_not_found', 'file_not_found'].includes(error.code)) throw new ResourceNotFoundError(uri);
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message);
    }
    throw new ResourceNotFoundError(uri);
  });

  async function readSession(uri: string, id: string): Promise<ReadResourceResult> {
    caller.require('read', 'A session');
    const { chunks, mediaType } = await sessions.export(id, 'markdown');
    let text = '';
    for await (const chunk of chunks) text += chunk;
    return { contents: [{ uri, mimeType: mediaType, text }] };
  }

  async function readFile(uri: string, path: string): Promise<ReadResourceResult> {
    caller.require('tools', 'A file');
    const { signal, requestId, hop } = caller.facts;
    const result = await tools.execute('read_file', { path }, { signal, requestId, hop });
    const text = isRecord(result) && typeof result.content === 'string' ? result.content : '';
    return { contents: [{ uri, text }] };
  }
}

/** @throws CodeBuddyError `validation_failed` */
function pathOf(uri: string): string {
  try {
    return decodeURIComponent(uri.slice(filePrefix.length));
  } catch (cause) {
    throw new CodeBuddyError('validation_failed', `${uri} is not correctly percent-encoded.`, { cause });
  }
}
