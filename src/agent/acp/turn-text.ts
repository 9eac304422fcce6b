// The text and the reasoning of a turn. Text before a tool call is a message of its own; the rest is the answer.

import { isBlank, wellFormed } from '../../base/text.ts';
import type { DriverContext } from '../driver.ts';

export interface TurnTextOptions {
  readonly context: Pick<DriverContext, 'say' | 'reason' | 'keepTurn' | 'keepText' | 'keepPartial'>;
  /** The model that messages name. */
  readonly model: () => string;
}

type Part = 'text' | 'reasoning';

export class TurnText {
  readonly #options: TurnTextOptions;
  /** Since the last tool call. */
  #now = { text: '', reasoning: '' };
  /** The message that each part belongs to, if the agent names it. */
  #messageIds: Partial<Record<Part, string>> = {};
  /** Half of a character, whose other half comes with the next piece. */
  #half = { text: '', reasoning: '' };
  #lastText = '';
  #length = 0;

  constructor(options: TurnTextOptions) {
    this.#options = options;
  }

  /** The characters of the whole turn. */
  get length(): number {
    return this.#length;
  }

  add(part: Part, piece: string, messageId: string | undefined): void {
    const before = this.#messageIds[part];
    const isNewMessage = before !== undefined && messageId !== undefined && before !== messageId;
    if (messageId !== undefined) this.#messageIds[part] = messageId;
    if (isNewMessage && this.#now[part] !== '' && !this.#now[part].endsWith('\n\n')) this.#show(part, '\n\n');
    const whole = this.#half[part] + piece;
    const isCut = /[\ud800-\udbff]$/.test(whole);
    this.#half[part] = isCut ? whole.slice(-1) : '';
    this.#show(part, wellFormed(isCut ? whole.slice(0, -1) : whole));
  }

  /** Stores the text before a tool call. */
  flush(): void {
    const { text, reasoning } = this.#now;
    this.#now = { text: '', reasoning: '' };
    if (isBlank(text) && isBlank(reasoning)) return;
    this.#keepTurn(text);
    this.#options.context.keepText(text, this.#options.model(), isBlank(reasoning) ? undefined : reasoning);
    if (!isBlank(text)) this.#lastText = text;
  }

  /** Stores the text of a turn that did not come to its end. */
  async keepPartial(): Promise<void> {
    const { text, reasoning } = this.#now;
    if (isBlank(text) && isBlank(reasoning)) return;
    this.#keepTurn(text);
    await this.#options.context.keepPartial(
      text,
      this.#options.model(),
      isBlank(reasoning) ? undefined : reasoning,
    );
  }

  /** The answer: the text after the last tool call, or else the last text. */
  finish(): { readonly response: string; readonly reasoning: string | undefined } {
    const { text, reasoning } = this.#now;
    if (!isBlank(text)) this.#keepTurn(text);
    return {
      response: isBlank(text) ? this.#lastText : text,
      reasoning: isBlank(reasoning) ? undefined : reasoning,
    };
  }

  #show(part: Part, text: string): void {
    if (text === '') return;
    this.#length += text.length;
    this.#now[part] += text;
    if (part === 'text') this.#options.context.say(text);
    else this.#options.context.reason(text);
  }

  #keepTurn(text: string): void {
    if (isBlank(text)) return;
    this.#options.context.keepTurn({
      kind: 'answer',
      model: this.#options.model(),
      parts: [{ type: 'text', text }],
    });
  }
}
