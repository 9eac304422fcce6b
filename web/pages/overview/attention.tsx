// What needs a person: permissions that wait, webhooks that fail or are refused, failed runs, a part of the server that
// is not ready, such as a full disk.

import type { ComponentChildren } from 'preact';
import type { Run } from '../../../src/client/web.ts';
import { inbox } from '../../app/inbox.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { formatCount, plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';

const dayMs = 86_400_000;
const maxRuns = 5;
/** Characters. */
const shownPrompt = 60;

export function Attention() {
  const found = useResource(
    'attention',
    async (signal) => {
      const [status, readiness, { runs }] = await Promise.all([
        client.status({ signal }),
        client.ready({ signal }),
        client.runs.list({ limit: 100 }, { signal }),
      ]);
      return {
        webhooks: status.webhooks.attention ?? [],
        setAside: status.webhooks.setAside ?? [],
        unready: readiness.parts.filter(({ ready }) => !ready),
        runs: lastFailures(runs),
      };
    },
    { changedBy: ['run.', 'webhook.'] },
  );
  return (
    <Content of={found}>
      {({ webhooks, setAside, unready, runs }) => {
        const waiting = inbox.value.flatMap((item) => (item.kind === 'permission' ? [item.permission] : []));
        const questions = inbox.value.filter(({ kind }) => kind === 'question');
        const count =
          questions.length +
          waiting.length +
          webhooks.length +
          setAside.length +
          unready.length +
          runs.length;
        if (count === 0) return <p class="quiet">Nothing needs you.</p>;
        return (
          <section class="panel" aria-labelledby="attention">
            <header>
              <h2 id="attention" class="grow">
                Needs you
              </h2>
              <span class="quiet">{formatCount(count)}</span>
            </header>
            <ul class="list">
              {unready.map(({ name, detail }) => (
                <Item key={name} tone="bad" word={`${name} not ready`}>
                  <span class="grow">{detail}</span>
                </Item>
              ))}
              {waiting.length > 0 && (
                <Item tone="warn" word="waiting">
                  <a class="grow" href={hrefOf(['permissions'])}>
                    {plural(waiting.length, 'permission')}: {toolsOf(waiting)}
                  </a>
                  <span class="quiet">
                    asked <Time at={waiting[0]?.createdAt ?? ''} />
                  </span>
                </Item>
              )}
              {questions.length > 0 && (
                <Item tone="warn" word="waiting">
                  <a class="grow" href={hrefOf(['permissions'])}>
                    {plural(questions.length, 'question')} of the agent
                  </a>
                </Item>
              )}
              {webhooks.map(({ id, name, status, detail }) => (
                <Item key={id} tone={status === 'failing' ? 'warn' : 'bad'} word={status}>
                  <a class="grow" href={hrefOf(['webhooks', id])}>
                    Webhook {name}: {detail}
                  </a>
                </Item>
              ))}
              {setAside.map((file) => (
                <Item key={file} tone="bad" word="unreadable">
                  <span class="grow">
                    webhooks.json could not be read and is now <code>{file}</code>. Repair it or delete it.
                  </span>
                </Item>
              ))}
              {runs.map(({ id, sessionId, prompt, error, createdAt }) => (
                <Item key={id} tone="bad" word="failed">
                  <a class="grow" href={hrefOf(['sessions', sessionId], { run: id })}>
                    Run "{prompt.slice(0, shownPrompt)}": {error?.message ?? 'no reason known'}
                  </a>
                  <span class="quiet">
                    <Time at={createdAt} />
                  </span>
                </Item>
              ))}
            </ul>
          </section>
        );
      }}
    </Content>
  );
}

interface ItemProps {
  readonly tone: 'warn' | 'bad';
  readonly word: string;
  readonly children: ComponentChildren;
}

function Item({ tone, word, children }: ItemProps) {
  return (
    <li>
      <span class={`chip ${tone}`}>{word}</span>
      {children}
    </li>
  );
}

/** The runs of the last day that failed, and that no later run of their session has followed. */
function lastFailures(newestFirst: readonly Run[]): readonly Run[] {
  const seen = new Set<string>();
  return newestFirst
    .filter(({ sessionId, status, createdAt }) => {
      const isLast = !seen.has(sessionId);
      seen.add(sessionId);
      return isLast && status === 'failed' && Date.parse(createdAt) > Date.now() - dayMs;
    })
    .slice(0, maxRuns);
}

function toolsOf(permissions: readonly { readonly tool: string }[]): string {
  return [...new Set(permissions.map(({ tool }) => tool))].join(', ');
}
