// A list of any length: only the rows in view are in the page. Rows may differ in height; a row is measured when it is
// shown. The reader is never moved: rows that come in above the view leave what is read in its place.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from '../app/shortcuts.ts';

export interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly render: (item: T) => ComponentChildren;
  /** The height of a row that was not shown yet, in px. */
  readonly rowHeight: number;
  readonly label: string;
  /** Called when the end comes into view. */
  readonly onEnd?: () => void;
  /** Enter on the row that is selected with j and k. */
  readonly onOpen?: (item: T) => void;
}

/** Rows beyond the view that are in the page, too. */
const margin = 8;

export function VirtualList<T>({
  items,
  keyOf,
  render,
  rowHeight,
  label,
  onEnd,
  onOpen,
}: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const heights = useRef(new Map<string, number>());
  const [view, setView] = useState({ top: 0, height: 800 });
  const [selected, setSelected] = useState<string>();
  const [measured, setMeasured] = useState(0);

  // The list scrolls with the page.
  useEffect(() => {
    const update = (): void => {
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      setView((before) =>
        Math.abs(before.top - top) < rowHeight / 2 && before.height === innerHeight
          ? before
          : { top, height: innerHeight },
      );
    };
    update();
    addEventListener('scroll', update, { passive: true });
    addEventListener('resize', update);
    return () => {
      removeEventListener('scroll', update);
      removeEventListener('resize', update);
    };
  }, [rowHeight, items.length === 0]);

  const heightOf = (item: T): number => heights.current.get(keyOf(item)) ?? rowHeight;
  const tops: number[] = [];
  let total = 0;
  for (const item of items) {
    tops.push(total);
    total += heightOf(item);
  }
  const first = Math.max(0, lastBefore(tops, view.top) - margin);
  const last = Math.min(items.length, lastBefore(tops, view.top + view.height) + 1 + margin);

  useLayoutEffect(() => {
    let changed = false;
    for (const row of list.current?.children ?? []) {
      const key = row.getAttribute('data-key');
      const { height } = row.getBoundingClientRect();
      if (key !== null && height > 0 && heights.current.get(key) !== height) {
        heights.current.set(key, height);
        changed = true;
      }
    }
    if (changed) setMeasured(measured + 1);
  });

  // New rows above: scroll by as much as they moved the row that is read.
  const anchor = useRef<{ key: string; top: number }>(undefined);
  useLayoutEffect(() => {
    const before = anchor.current;
    const index = before === undefined ? -1 : items.findIndex((item) => keyOf(item) === before.key);
    const moved = index < 0 ? 0 : (tops[index] ?? 0) - (before?.top ?? 0);
    if (moved !== 0 && view.top > 0) scrollBy(0, moved);
    const reading = lastBefore(tops, Math.max(0, view.top));
    const item = items[reading];
    if (item !== undefined) anchor.current = { key: keyOf(item), top: tops[reading] ?? 0 };
  });

  useEffect(() => {
    if (last >= items.length && items.length > 0) onEnd?.();
  }, [last, items.length]);

  const select = (step: number): void => {
    const at = items.findIndex((item) => keyOf(item) === selected);
    const next = Math.min(items.length - 1, Math.max(0, at + step));
    const item = items[next];
    if (item === undefined) return;
    setSelected(keyOf(item));
    const rowTop = (tops[next] ?? 0) - view.top;
    if (rowTop < 60) scrollBy(0, rowTop - 60);
    else if (rowTop + heightOf(item) > view.height - 20)
      scrollBy(0, rowTop + heightOf(item) - view.height + 20);
  };
  useKeys({
    j: () => select(1),
    k: () => select(-1),
    Enter: () => {
      const item = items.find((one) => keyOf(one) === selected);
      if (item !== undefined) onOpen?.(item);
    },
  });

  return (
    <ul class="virtual" aria-label={label} ref={list} style={{ height: `${total}px` }}>
      {items.slice(first, last).map((item, offset) => {
        const key = keyOf(item);
        return (
          <li
            key={key}
            data-key={key}
            aria-setsize={items.length}
            aria-posinset={first + offset + 1}
            class={key === selected ? 'virtual-row selected' : 'virtual-row'}
            style={{ transform: `translateY(${tops[first + offset] ?? 0}px)` }}
          >
            {render(item)}
          </li>
        );
      })}
    </ul>
  );
}

/** The index of the last row that begins at or before `top`. */
function lastBefore(tops: readonly number[], top: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= top) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
