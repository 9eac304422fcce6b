// The frame of everything that waits in the inbox: what it is, its session, and the time that is left.

import type { ComponentChildren } from 'preact';
import type { InboxItem } from '../../../src/client/web.ts';
import { contentOf } from '../../app/inbox.ts';
import { hrefOf } from '../../app/router.ts';
import { Id, shortId } from '../../parts/id.tsx';
import { Countdown } from './countdown.tsx';

export interface InboxCardProps {
  readonly item: InboxItem;
  /** For screen readers. */
  readonly label: string;
  readonly title: ComponentChildren;
  /** What it is when the time has passed. */
  readonly end: string;
  /** True if the keys a and d answer this card. */
  readonly hasKeys?: boolean;
  readonly children: ComponentChildren;
}

export function InboxCard({ item, label, title, end, hasKeys = false, children }: InboxCardProps) {
  const { id, sessionId, expiresAt } = contentOf(item);
  return (
    <article
      class={hasKeys ? 'panel permission has-keys' : 'panel permission'}
      data-inbox={id}
      aria-label={label}
    >
      <header class="wrap">
        <h2 class="grow">{title}</h2>
        <Id id={id} />
        <a class="quiet" href={hrefOf(['sessions', sessionId])}>
          session <span class="mono">{shortId(sessionId)}</span>
        </a>
        <Countdown until={expiresAt} end={end} />
      </header>
      <div class="body stack">{children}</div>
    </article>
  );
}
