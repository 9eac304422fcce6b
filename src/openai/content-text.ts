// The text of a message's content: a string, or parts. Parts other than text are refused.

import { unsupportedParameter } from './invalid-parameter.ts';

interface Part {
  readonly type: string;
  readonly text?: string;
  readonly refusal?: string;
}

const textTypes: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text', 'summary_text']);

/** @throws CodeBuddyError `unsupported_parameter` for an image, a file or audio */
export function textOf(content: string | readonly Part[] | null | undefined, pointer: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text, refusal }, index) => {
      if (textTypes.has(type)) return text ?? '';
      if (type === 'refusal') return refusal ?? '';
      throw unsupportedParameter(
        `${pointer}/${index}`,
        `has the type ${JSON.stringify(type)}. Only text is supported: put files into the workspace and name their paths.`,
      );
    })
    .join('\n');
}
