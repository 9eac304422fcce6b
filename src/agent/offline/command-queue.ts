// The commands of a run of the offline agent, in the order in which they run. A step is a command that uses a tool. The
// commands of a message that is sent to the run come before the next step.

import type { DriverContext } from '../driver.ts';
import type { KeptSteer } from '../own-steers.ts';
import { type Command, parseCommands } from './parse-command.ts';

export type ToolCommand = Exclude<Command, { kind: 'help' | 'unknown' }>;

export const usesTool = (command: Command): command is ToolCommand =>
  command.kind !== 'help' && command.kind !== 'unknown';

export interface CommandQueueOptions {
  readonly context: Pick<DriverContext, 'beginStep' | 'tellSteered' | 'mayEnd'>;
  readonly commands: readonly Command[];
  /** The steps that were done before the run was interrupted, and the messages that it had got. */
  readonly done: number;
  readonly earlier: readonly KeptSteer[];
}

export class CommandQueue {
  readonly #context: CommandQueueOptions['context'];
  #line: readonly Command[];
  /** The place of the next command: a prompt may have half a million, and `shift` moves all of them. */
  #at = 0;
  readonly #done: number;
  readonly #known: ReadonlySet<string>;
  #earlier: readonly KeptSteer[];
  #steps = 0;
  #hasBegun = false;

  constructor({ context, commands, done, earlier }: CommandQueueOptions) {
    this.#context = context;
    this.#line = commands;
    this.#done = done;
    this.#earlier = earlier;
    this.#known = new Set(earlier.map(({ messageId }) => messageId));
  }

  /** The number of the last command that used a tool, from 1. */
  get steps(): number {
    return this.#steps;
  }

  /** The next command; undefined if there are no more, and the run takes no more messages. */
  async next(): Promise<Command | undefined> {
    for (;;) {
      const head = this.#line[this.#at];
      if (head !== undefined && !usesTool(head)) return this.#take();
      if (this.#addEarlier(head === undefined)) continue;
      if (head === undefined) this.#steps = Math.max(this.#steps, this.#done);
      if (this.#steps >= this.#done && !this.#hasBegun) {
        if (head === undefined && (await this.#context.mayEnd())) return undefined;
        await this.#begin();
        continue;
      }
      this.#hasBegun = false;
      if (head === undefined) continue;
      this.#steps++;
      return this.#take();
    }
  }

  #take(): Command | undefined {
    return this.#line[this.#at++];
  }

  /** Begins the next step with what was said meanwhile. */
  async #begin(): Promise<void> {
    const taken = await this.#context.beginStep(this.#steps + 1);
    this.#hasBegun = true;
    const added = taken.filter(({ messageId }) => !this.#known.has(messageId));
    this.#context.tellSteered(added);
    this.#insert(added);
  }

  /** Adds the messages that came before the next step. At the end of the line, the rest follows one by one. */
  #addEarlier(isEnd: boolean): boolean {
    const [first] = this.#earlier;
    if (first === undefined || (!isEnd && first.step > this.#steps)) return false;
    const count = isEnd ? 1 : this.#earlier.filter(({ step }) => step <= this.#steps).length;
    this.#insert(this.#earlier.slice(0, count));
    this.#earlier = this.#earlier.slice(count);
    return true;
  }

  #insert(messages: readonly { readonly text: string }[]): void {
    const added = messages.flatMap(({ text }) => parseCommands(text));
    if (added.length === 0) return;
    this.#line = [...added, ...this.#line.slice(this.#at)];
    this.#at = 0;
  }
}
