// A list of any length: only the rows in view are in the page. Rows may differ in height; a row is measured when it is
// shown. The reader is never moved: rows that come in above the view leave what is read in its place.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';

export interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly render: (item: T) => ComponentChildren;
  /** The height of a row that was not shown yet, in px. */
  readonly rowHeight: number;
  readonly label: string;
  /** Called when the end comes into view. */
  readonly onEnd?: () => void;
  /** Called when the reader scrolls up to the start. */
  readonly onStart?: () => void;
  /** Enter on the row that is selected with j and k. @default presses what opens in the row */
  readonly onOpen?: (item: T) => void;
  /** Rows that come in at the start move nothing, even if the start is in view. @default false */
  readonly holdsStart?: boolean;
}

interface Rendered<T> {
  readonly render: (item: T) => ComponentChildren;
  readonly rows: ReadonlyMap<string, { readonly item: T; readonly content: ComponentChildren }>;
}

/** Rows beyond the view that are in the page, too. */
const margin = 8;
/** The start counts as reached within this many pixels above the view. */
const nearStart = 600;
/** Rows of which one must still be there to hold the place of the reader. */
const anchorRows = 20;

export function VirtualList<T>({
  items,
  keyOf,
  render,
  rowHeight,
  label,
  onEnd,
  onStart,
  onOpen,
  holdsStart = false,
}: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const heights = useRef(new Map<string, number>());
  const [view, setView] = useState({ top: 0, height: 800 });
  const [selected, setSelected] = useState<string>();
  const [measured, setMeasured] = useState(0);
  const start = useRef(onStart);
  start.current = onStart;

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
    let before = scrollY;
    const onScroll = (): void => {
      update();
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      if (scrollY < before && top < nearStart) start.current?.();
      before = scrollY;
    };
    update();
    addEventListener('scroll', onScroll, { passive: true });
    addEventListener('resize', update);
    return () => {
      removeEventListener('scroll', onScroll);
      removeEventListener('resize', update);
    };
  }, [rowHeight, items.length === 0]);

  const heightOf = (item: T): number => heights.current.get(keyOf(item)) ?? rowHeight;
  const [tops, total] = useMemo(() => {
    const all: number[] = [];
    let end = 0;
    for (const item of items) {
      all.push(end);
      end += heightOf(item);
    }
    return [all, end];
  }, [items, measured]);
  const first = Math.max(0, lastBefore(tops, view.top) - margin);
  const last = Math.min(items.length, lastBefore(tops, view.top + view.height) + 1 + margin);

  // Rows are measured as they come into the page, and again when they change: a row may open, or its text may grow.
  const measure = useRef<() => void>(() => undefined);
  measure.current = () => {
    let changed = false;
    for (const row of list.current?.children ?? []) {
      const key = row.getAttribute('data-key');
      const { height } = row.getBoundingClientRect();
      if (key !== null && height > 0 && heights.current.get(key) !== height) {
        heights.current.set(key, height);
        changed = true;
      }
    }
    if (changed) setMeasured((count) => count + 1);
  };
  const observed = useRef(new Set<Element>());
  const observer = useRef<ResizeObserver>(undefined);
  useEffect(() => () => observer.current?.disconnect(), []);
  useLayoutEffect(() => {
    observer.current ??= new ResizeObserver(() => measure.current());
    const rows = new Set<Element>(list.current?.children ?? []);
    for (const row of observed.current) {
      if (rows.has(row)) continue;
      observer.current.unobserve(row);
      observed.current.delete(row);
    }
    for (const row of rows) {
      if (observed.current.has(row)) continue;
      observer.current.observe(row);
      observed.current.add(row);
    }
    measure.current();
  });

  // Asked now: the page may have scrolled since the last render.
  const topNow = (): number => -(list.current?.getBoundingClientRect().top ?? 0);

  // New rows above: scroll by as much as they moved the row that is read.
  const anchor = useRef<{ readonly tops: readonly number[]; readonly at: ReadonlyMap<string, number> }>(
    undefined,
  );
  useLayoutEffect(() => {
    const before = anchor.current;
    if (before !== undefined && before.tops !== tops && (topNow() > 0 || holdsStart)) {
      const index = items.findIndex((item) => before.at.has(keyOf(item)));
      const item = items[index];
      const moved = item === undefined ? 0 : (tops[index] ?? 0) - (before.at.get(keyOf(item)) ?? 0);
      if (moved !== 0) scrollBy(0, moved);
    }
    const reading = lastBefore(tops, Math.max(0, topNow()));
    const read = items.slice(reading, reading + anchorRows);
    anchor.current = {
      tops,
      at: new Map(read.map((item, offset) => [keyOf(item), tops[reading + offset] ?? 0])),
    };
  });

  useEffect(() => {
    if (last >= items.length && items.length > 0) onEnd?.();
  }, [last, items.length]);

  // The content of a row that stays in view while the list scrolls is not rendered again.
  const before = useRef<Rendered<T>>({ render, rows: new Map() });
  const kept = before.current.render === render ? before.current.rows : undefined;
  const rendered = new Map<string, { readonly item: T; readonly content: ComponentChildren }>();
  for (const item of items.slice(first, last)) {
    const key = keyOf(item);
    const known = kept?.get(key);
    rendered.set(key, known?.item === item ? known : { item, content: render(item) });
  }
  before.current = { render, rows: rendered };

  const select = (step: number): void => {
    const at = items.findIndex((item) => keyOf(item) === selected);
    const next = Math.min(items.length - 1, Math.max(0, at + step));
    const item = items[next];
    if (item === undefined) return;
    setSelected(keyOf(item));
    // Enter must open this row, not press what was clicked in another one.
    const { activeElement } = document;
    if (activeElement instanceof HTMLElement && list.current?.contains(activeElement)) activeElement.blur();
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
      if (item === undefined) return;
      if (onOpen !== undefined) onOpen(item);
      else list.current?.querySelector<HTMLElement>('.selected [aria-expanded]')?.click();
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
            {rendered.get(key)?.content}
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
