// Asks before something that cannot be undone.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { withoutLoads } from '../app/resource.ts';
import { Dialog } from './dialog.tsx';
import { attempt } from './toast.tsx';

export interface ConfirmProps {
  readonly title: string;
  /** The words of the button: `Remove`. */
  readonly action: string;
  readonly children: ComponentChildren;
  /** Told when it succeeds. */
  readonly done: string;
  readonly work: () => Promise<unknown>;
  readonly onClose: () => void;
  /** Called after `work` has succeeded. */
  readonly onDone?: () => void;
  /** The action is not dangerous. @default false */
  readonly isHarmless?: boolean;
  readonly isDisabled?: boolean;
}

export function Confirm(props: ConfirmProps) {
  const { title, action, children, done, work, onClose, onDone, isHarmless = false, isDisabled } = props;
  const [isWorking, setWorking] = useState(false);
  const act = async (): Promise<void> => {
    setWorking(true);
    const isDone = await attempt(() => withoutLoads(work), done);
    setWorking(false);
    if (!isDone) return;
    onClose();
    onDone?.();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            class={isHarmless ? 'main' : 'danger'}
            disabled={isWorking || isDisabled}
            onClick={act}
          >
            {action}
          </button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
