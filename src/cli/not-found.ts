// Suggests similar names or ids after a "not found" error. They are looked up on the server only then.

import type { Command } from 'commander';
import { didYouMean } from '../base/did-you-mean.ts';
import { CodeBuddyApiError, type CodeBuddyClient } from '../client/index.ts';
import { type ConnectionOptions, withClient } from './connection.ts';

interface Kind {
  /** The option that contains the name or id. @default the first argument */
  readonly option?: string;
  readonly names: (client: CodeBuddyClient, signal: AbortSignal) => Promise<readonly string[]>;
}

const page = { limit: 200 } as const;

const kinds: Readonly<Record<string, Kind>> = {
  tool_not_found: {
    names: async ({ tools }, signal) => (await tools.list({ signal })).tools.map(({ name }) => name),
  },
  session_not_found: {
    option: 'session',
    names: async ({ sessions }, signal) => idsOf((await sessions.list(page, { signal })).sessions),
  },
  run_not_found: { names: async ({ runs }, signal) => idsOf((await runs.list(page, { signal })).runs) },
  permission_not_found: {
    names: async ({ permissions }, signal) => idsOf((await permissions.list(page, { signal })).permissions),
  },
  webhook_not_found: {
    names: async ({ webhooks }, signal) => idsOf((await webhooks.list(page, { signal })).webhooks),
  },
  trigger_not_found: {
    names: async ({ triggers }, signal) => idsOf((await triggers.list(page, { signal })).triggers),
  },
  delivery_not_found: {
    names: async ({ deliveries }, signal) => idsOf((await deliveries.list(page, { signal })).deliveries),
  },
  key_not_found: { names: async ({ keys }, signal) => idsOf((await keys.list({ signal })).keys) },
};

/** Returns the error, with a suggestion if a similar name or id exists. */
export async function withSuggestion(error: unknown, command: Command | undefined): Promise<unknown> {
  if (!(error instanceof CodeBuddyApiError) || command === undefined) return error;
  const kind = kinds[error.code];
  const options = command.opts<ConnectionOptions & Record<string, unknown>>();
  const given = (kind?.option === undefined ? undefined : options[kind.option]) ?? command.processedArgs[0];
  if (kind === undefined || typeof given !== 'string') return error;
  try {
    let names: readonly string[] = [];
    await withClient(options, async (client, signal) => {
      names = await kind.names(client, signal);
    });
    const { status, code, requestId } = error;
    const suggestion = didYouMean(given, names);
    if (suggestion === '') return error;
    const detail = error.message.replace(/\.$/, '') + suggestion;
    return new CodeBuddyApiError(status, { code, detail, ...(requestId === undefined ? {} : { requestId }) });
  } catch {
    // The key may not list them, or the server has stopped. The first error matters more.
    return error;
  }
}

function idsOf(items: readonly { readonly id: string }[]): readonly string[] {
  return items.map(({ id }) => id);
}
