// Checks the arguments of a tool against its schema. The errors name the argument, as those of the REST API name the
// field.

import { toProblem } from '../http/pipeline/problem.ts';
import { compileValidator } from '../http/pipeline/validation.ts';

/** Returns a function that returns its argument. It throws a CodeBuddyError `validation_failed`. */
export function createArgumentCheck(schema: object): (params: unknown) => unknown {
  const validate = compileValidator({ schema, method: 'POST', url: '/mcp', httpPart: 'body' });
  return (params) => {
    const outcome: unknown = validate(params);
    if (outcome === true) return params;
    if (typeof outcome === 'object' && outcome !== null && 'error' in outcome) throw toProblem(outcome.error);
    throw new TypeError('The validator returned neither true nor an error');
  };
}
