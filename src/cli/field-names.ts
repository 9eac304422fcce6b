// Names the fields in the server's errors as the user typed them: `/options/maxSteps` is `--max-steps`.

import type { Command } from 'commander';
import { unescapePointer } from '../base/json-pointer.ts';
import { Flag } from './flag.ts';

/** A parameter of a tool keeps its name: the user typed it as `name=value`. */
export function fieldName(pointer: string, command: Command | undefined): string {
  const steps = pointer.split('/').slice(1).map(unescapePointer);
  if (steps.length === 0) return 'The request';
  for (let length = steps.length; length > 0; length--) {
    const name = command === undefined ? undefined : nameIn(command, steps.slice(0, length).join('/'));
    // The place in a list means nothing to the user; the name of a header does.
    const rest = steps.slice(length).filter((step) => !/^\d+$/.test(step));
    if (name !== undefined) return [name, ...rest].join(' ');
  }
  return steps.join('.');
}

function nameIn(command: Command, field: string): string | undefined {
  const flag = command.options.find((option) => option instanceof Flag && option.field === field);
  if (flag !== undefined) return flag.long ?? flag.flags;
  const argument = command.registeredArguments.find((one) => one.name() === field);
  return argument === undefined ? undefined : `<${argument.name()}>`;
}
