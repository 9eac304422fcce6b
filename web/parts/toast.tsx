// Short notices at the bottom: what an action has done, or why it failed.

import { signal } from '@preact/signals';
import { messageOf } from '../app/sign-in.ts';
import { Icon } from './icon.tsx';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isError: boolean;
}

const toasts = signal<readonly Toast[]>([]);
/** An error stays until it is closed. */
const shownMs = 4000;
let next = 1;

export function notify(text: string): void {
  const id = add(text, false);
  setTimeout(() => remove(id), shownMs);
}

export function notifyError(error: unknown): void {
  add(messageOf(error), true);
}

/** Does something for a click, and shows why it failed. Resolves to true if it succeeded. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) notify(done);
    return true;
  } catch (error) {
    notifyError(error);
    return false;
  }
}

function add(text: string, isError: boolean): number {
  const id = next++;
  toasts.value = [...toasts.value.slice(-3), { id, text, isError }];
  return id;
}

function remove(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isError }) => (
        <div key={id} class={isError ? 'notice bad' : 'notice'}>
          <Icon name={isError ? 'alert' : 'check'} />
          <span class="grow">{text}</span>
          <button type="button" class="bare" aria-label="Close" onClick={() => remove(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
