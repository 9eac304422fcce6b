// What waits, oldest first, as cards. The keys a and d answer the marked permission, which is the first one in view. A card
// that closes keeps its place while the pointer is over the list, so that a click cannot hit another card.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { InboxItem } from '../../../src/client/web.ts';
import { contentOf, endings } from '../../app/inbox.ts';
import { useKeys } from '../../app/keys.ts';
import { InboxCard } from './inbox-card.tsx';
import { PermissionCard } from './permission-card.tsx';
import { QuestionReply } from './question-reply.tsx';
import { ToolCallReply } from './tool-call-reply.tsx';

/** How long a permission must be in view before a key answers it, in ms. */
const seenMs = 400;

export function InboxList({ items }: { readonly items: readonly InboxItem[] }) {
  const list = useRef<HTMLDivElement>(null);
  const [closed, setClosed] = useState<readonly { readonly item: InboxItem; readonly height: number }[]>([]);
  const before = useRef<readonly InboxItem[]>([]);
  const heights = useRef(new Map<string, number>());
  const [current, setCurrent] = useState<string>();
  const [marked, setMarked] = useState<string>();

  useEffect(() => {
    const open = new Set(items.map(idOf));
    const gone = before.current.filter((item) => !open.has(idOf(item)));
    before.current = items;
    if (gone.length === 0 || list.current?.matches(':hover') !== true) return;
    setClosed((all) => [
      ...all,
      ...gone.map((item) => ({ item, height: heights.current.get(idOf(item)) ?? 0 })),
    ]);
  }, [items]);

  useEffect(() => {
    const update = (): void => {
      for (const card of cards(list.current)) {
        heights.current.set(card.dataset.inbox ?? '', card.getBoundingClientRect().height);
      }
      const first = cards(list.current).find((card) => {
        if (card.querySelector('[data-key]') === null) return false;
        const { top, bottom } = card.getBoundingClientRect();
        return bottom > 60 && top < innerHeight - 60;
      });
      setCurrent(first?.dataset.inbox);
    };
    update();
    addEventListener('scroll', update, { passive: true });
    return () => removeEventListener('scroll', update);
  }, [items, closed]);

  useEffect(() => {
    setMarked(undefined);
    const timer = setTimeout(() => setMarked(current), seenMs);
    return () => clearTimeout(timer);
  }, [current]);

  const press = (key: 'a' | 'd'): void => {
    const card = cards(list.current).find(({ dataset }) => dataset.inbox === marked);
    card?.querySelector<HTMLButtonElement>(`[data-key="${key}"]`)?.click();
  };
  useKeys({ a: () => press('a'), d: () => press('d') });

  const isOpen = new Set(items.map(idOf));
  const all = [
    ...items.map((item) => ({ item, height: undefined })),
    ...closed.filter(({ item }) => !isOpen.has(idOf(item))),
  ].sort((a, b) => (orderOf(a.item) < orderOf(b.item) ? -1 : 1));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: leaving it only removes closed cards.
    <div class="stack" ref={list} onMouseLeave={() => setClosed([])}>
      {all.map(({ item, height }) =>
        height === undefined ? (
          <Card key={idOf(item)} item={item} hasKeys={idOf(item) === marked} />
        ) : (
          <p key={idOf(item)} class="panel closed quiet" style={{ minHeight: `${height}px` }}>
            {nameOf(item)}: {endings.value.get(idOf(item)) ?? 'no longer waiting'}.
          </p>
        ),
      )}
    </div>
  );
}

function Card({ item, hasKeys }: { readonly item: InboxItem; readonly hasKeys: boolean }) {
  switch (item.kind) {
    case 'permission':
      return <PermissionCard item={item} hasKeys={hasKeys} />;
    case 'question':
      return (
        <InboxCard item={item} label="The agent asks" title="The agent asks" end="unanswered">
          <QuestionReply {...item.question} />
        </InboxCard>
      );
    case 'tool_call': {
      const { tool } = item.toolCall;
      return (
        <InboxCard
          item={item}
          label={`Call of ${tool}`}
          title={
            <>
              Result of <code>{tool}</code>?
            </>
          }
          end="failed"
        >
          <ToolCallReply {...item.toolCall} />
        </InboxCard>
      );
    }
  }
}

function cards(list: HTMLElement | null): readonly HTMLElement[] {
  return list === null ? [] : [...list.querySelectorAll<HTMLElement>('[data-inbox]')];
}

function idOf(item: InboxItem): string {
  return contentOf(item).id;
}

function orderOf(item: InboxItem): string {
  const { createdAt, id } = contentOf(item);
  return createdAt + id;
}

function nameOf(item: InboxItem): string {
  if (item.kind === 'question') return 'Question';
  return (item.kind === 'permission' ? item.permission : item.toolCall).tool;
}
