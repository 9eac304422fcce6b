// Keeps the end of the page in view while the reader is there, and lets go as soon as the reader scrolls up.

import { useEffect } from 'preact/hooks';

/** The reader is at the end within this many pixels. */
const nearEnd = 60;

/** Begins at the end when `isReady` becomes true. `key` names the content. */
export function useFollowEnd(isReady: boolean, key: string): void {
  useEffect(() => {
    if (!isReady) return undefined;
    let isThere = true;
    let before = 0;
    const distance = (): number => document.documentElement.scrollHeight - innerHeight - scrollY;
    const follow = (): void => {
      if (isThere) scrollTo(0, document.documentElement.scrollHeight);
      before = scrollY;
    };
    const onScroll = (): void => {
      if (distance() <= nearEnd) isThere = true;
      // Content that grows moves the end away; only the reader scrolls up.
      else if (scrollY < before) isThere = false;
      before = scrollY;
    };
    follow();
    const growth = new ResizeObserver(follow);
    growth.observe(document.body);
    addEventListener('scroll', onScroll, { passive: true });
    return () => {
      growth.disconnect();
      removeEventListener('scroll', onScroll);
    };
  }, [isReady, key]);
}
