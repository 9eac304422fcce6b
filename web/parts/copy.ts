// Copies text for a click, and says so.

import { attempt } from './toast.tsx';

export const copy = (text: string): Promise<boolean> =>
  attempt(() => navigator.clipboard.writeText(text), 'Copied.');
