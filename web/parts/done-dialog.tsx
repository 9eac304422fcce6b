// A dialog that shows what was done, such as a secret that is shown once.

import type { ComponentChildren } from 'preact';
import { Dialog } from './dialog.tsx';

export interface DoneDialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function DoneDialog({ title, onClose, children }: DoneDialogProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <button type="button" class="main" onClick={onClose}>
          Done
        </button>
      }
    >
      <div class="stack">{children}</div>
    </Dialog>
  );
}
