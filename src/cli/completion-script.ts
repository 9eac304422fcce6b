// The completion scripts. Loaded by `codebuddy completion` only.

import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import type { CommandNode } from './completion-tree.ts';
import { zshScript } from './completion-zsh.ts';

const writers = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export function scriptOf(shell: keyof typeof writers, program: CommandNode): string {
  return writers[shell](program);
}
