// "Did you mean …?" for the name or the id of something that the server does not have: what it has is looked up then.

import type { Command } from 'commander';
import { didYouMean } from '../base/did-you-mean.ts';
import { ApiError, type CodeBuddyClient } from '../client/index.ts';
import { type ConnectionOptions, withClient } from './connection.ts';

interface Kind {
  /** The option that may name it, where it is not the first argument. */
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
  delivery_not_found: {
    names: async ({ deliveries }, signal) => idsOf((await deliveries.list(page, { signal })).deliveries),
  },
  key_not_found: { names: async ({ keys }, signal) => idsOf((await keys.list({ signal })).keys) },
};

/** The error itself, or one that also says what may have been meant. */
export async function withSuggestion(error: unknown, command: Command | undefined): Promise<unknown> {
  if (!(error instanceof ApiError) || command === undefined) return error;
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
    const detail = `${error.message}${didYouMean(given, names)}`;
    return new ApiError(status, { code, detail, ...(requestId === undefined ? {} : { requestId }) });
  } catch {
    // The key may not list them, or the server has gone: what was wrong at first is still what is told.
    return error;
  }
}

function idsOf(items: readonly { readonly id: string }[]): readonly string[] {
  return items.map(({ id }) => id);
}
