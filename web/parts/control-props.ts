import type { FormSchema } from './form-schema.ts';

/** The properties of every control of a form. */
export interface ControlProps {
  readonly id: string;
  readonly schema: FormSchema;
  readonly value: unknown;
  readonly isRequired: boolean;
  readonly isDisabled: boolean;
  readonly isInvalid: boolean;
  readonly describedBy: string | undefined;
  readonly suggestions: readonly string[];
  /** Undefined: the member is absent. */
  readonly onChange: (value: unknown) => void;
}
