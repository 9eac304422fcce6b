// What a view shows instead of content: that it loads, failed to load, or has nothing yet.

import type { ComponentChildren } from 'preact';
import { CodeBuddyApiError, CodeBuddyConnectionError } from '../../src/client/web.ts';
import type { Resource } from '../app/resource.ts';
import { messageOf } from '../app/sign-in.ts';
import { Icon } from './icon.tsx';

export interface ContentProps<T> {
  readonly of: Resource<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows the content once it is loaded. Old content stays while the server is away. */
export function Content<T>({ of: { value, error, reload }, children }: ContentProps<T>) {
  const isAway = error instanceof CodeBuddyConnectionError;
  return (
    <>
      {error !== undefined && !(isAway && value !== undefined) && (
        <ErrorNotice error={error} retry={reload} />
      )}
      {value !== undefined && children(value)}
    </>
  );
}

export function ErrorNotice({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <Icon name="alert" />
      <div class="grow">
        <p>{messageOf(error)}</p>
        <p class="quiet">{nextStep(error)}</p>
      </div>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function nextStep(error: unknown): string {
  if (error instanceof CodeBuddyConnectionError) return 'The page loads again when the server is back.';
  if (!(error instanceof CodeBuddyApiError)) return 'Reload the page. If the error persists, report it.';
  if (error.code === 'insufficient_scope') return 'Sign in with a key that has the scope.';
  if (error.code === 'handler_not_configured') return 'This server was started without this feature.';
  return error.requestId === undefined
    ? `Code: ${error.code}.`
    : `Code: ${error.code}. Request ${error.requestId} in the server's log.`;
}

/** `command`: what fills the list. */
export function Empty({
  children,
  command,
}: {
  readonly children: ComponentChildren;
  readonly command?: string;
}) {
  return (
    <div class="empty">
      <p>{children}</p>
      {command !== undefined && (
        <p>
          <code>{command}</code>
        </p>
      )}
    </div>
  );
}
