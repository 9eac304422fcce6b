// The response to an attempt.

import { lackOf } from '../../app/scope.ts';
import { HeaderTable } from '../../parts/header-table.tsx';
import { LongText } from '../../parts/json.tsx';
import type { Attempt } from './attempt.ts';

export function ResponseView({ attempt }: { readonly attempt: Attempt }) {
  const { statusCode, message, outcome, responseExcerpt, responseHeaders = {} } = attempt;
  const isFailure = outcome !== 'success';
  const lack = lackOf('admin');
  return (
    <section aria-label="Response" class="stack">
      <h3>Response</h3>
      {statusCode === null ? (
        <p class="bad">No answer: {outcome.replaceAll('_', ' ')}</p>
      ) : (
        <p class={isFailure ? 'bad' : 'good'}>{statusCode}</p>
      )}
      {message !== null && <p class="break">{message}</p>}
      {statusCode !== null && lack !== undefined && (
        <p class="quiet">{lack} The answer may come from a machine inside the network.</p>
      )}
      {statusCode !== null && lack === undefined && (
        <>
          {isFailure ? (
            <HeaderTable headers={responseHeaders} label="Headers of the response" />
          ) : (
            <p class="quiet">Headers are kept for failed attempts only.</p>
          )}
          {responseExcerpt === null ? (
            <p class="quiet">The body is empty.</p>
          ) : (
            <>
              <p class="quiet">Body, at most its first 4 KiB</p>
              <LongText
                text={responseExcerpt}
                label="Body of the response"
                isJson={isJson(responseExcerpt)}
              />
            </>
          )}
        </>
      )}
    </section>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
