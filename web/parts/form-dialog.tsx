// A dialog with a form, which stays open and shows the error if it cannot be saved.

import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { ErrorNotice } from './state.tsx';

export interface FormDialogProps {
  readonly title: string;
  /** The words of the button: `Save`. */
  readonly action: string;
  readonly isDisabled: boolean;
  readonly submit: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function FormDialog({ title, action, isDisabled, submit, onClose, children }: FormDialogProps) {
  const form = useId();
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    setSending(true);
    try {
      await submit();
    } catch (reason) {
      setError(reason);
    }
    setSending(false);
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
          <button type="submit" form={form} class="main" disabled={isSending || isDisabled}>
            {action}
          </button>
        </>
      }
    >
      <form id={form} class="form" onSubmit={send}>
        {error !== undefined && <ErrorNotice error={error} />}
        {children}
      </form>
    </Dialog>
  );
}
