// Cards of questions, oldest first. The keys a and d answer the marked card, which is the first one in view. An answered
// card keeps its place while the pointer is over the list, so that a click cannot hit another question.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Permission } from '../../../src/client/web.ts';
import { useKeys } from '../../app/keys.ts';
import { endedPermissions } from '../../app/pending-permissions.ts';
import { PermissionCard } from './permission-card.tsx';

/** How long a question must be in view before a key answers it, in ms. */
const seenMs = 400;

export function PermissionList({ permissions }: { readonly permissions: readonly Permission[] }) {
  const list = useRef<HTMLDivElement>(null);
  const [closed, setClosed] = useState<
    readonly { readonly permission: Permission; readonly height: number }[]
  >([]);
  const before = useRef<readonly Permission[]>([]);
  const heights = useRef(new Map<string, number>());
  const [current, setCurrent] = useState<string>();
  const [marked, setMarked] = useState<string>();

  useEffect(() => {
    const open = new Set(permissions.map(({ id }) => id));
    const gone = before.current.filter(({ id }) => !open.has(id));
    before.current = permissions;
    if (gone.length === 0 || list.current?.matches(':hover') !== true) return;
    setClosed((all) => [
      ...all,
      ...gone.map((permission) => ({ permission, height: heights.current.get(permission.id) ?? 0 })),
    ]);
  }, [permissions]);

  useEffect(() => {
    const update = (): void => {
      for (const card of cards(list.current)) {
        heights.current.set(card.dataset.permission ?? '', card.getBoundingClientRect().height);
      }
      const first = cards(list.current).find((card) => {
        const { top, bottom } = card.getBoundingClientRect();
        return bottom > 60 && top < innerHeight - 60;
      });
      setCurrent(first?.dataset.permission);
    };
    update();
    addEventListener('scroll', update, { passive: true });
    return () => removeEventListener('scroll', update);
  }, [permissions, closed]);

  useEffect(() => {
    setMarked(undefined);
    const timer = setTimeout(() => setMarked(current), seenMs);
    return () => clearTimeout(timer);
  }, [current]);

  const press = (key: 'a' | 'd'): void => {
    const card = cards(list.current).find(({ dataset }) => dataset.permission === marked);
    card?.querySelector<HTMLButtonElement>(`[data-key="${key}"]`)?.click();
  };
  useKeys({ a: () => press('a'), d: () => press('d') });

  const all = [
    ...permissions.map((permission) => ({ permission, height: undefined })),
    ...closed.filter(({ permission }) => !permissions.some(({ id }) => id === permission.id)),
  ].sort((a, b) => (a.permission.id < b.permission.id ? -1 : 1));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: leaving it only removes answered cards.
    <div class="stack" ref={list} onMouseLeave={() => setClosed([])}>
      {all.map(({ permission, height }) =>
        height === undefined ? (
          <PermissionCard key={permission.id} permission={permission} hasKeys={permission.id === marked} />
        ) : (
          <p key={permission.id} class="panel closed quiet" style={{ minHeight: `${height}px` }}>
            {closedWords(permission)}
          </p>
        ),
      )}
    </div>
  );
}

function cards(list: HTMLElement | null): readonly HTMLElement[] {
  return list === null ? [] : [...list.querySelectorAll<HTMLElement>('[data-permission]')];
}

function closedWords({ id, tool }: Permission): string {
  const decision = endedPermissions.value.get(id);
  if (decision === undefined) return `${tool}: no longer waiting.`;
  return `${tool}: ${decision === 'deny' ? 'denied' : 'allowed'}.`;
}
