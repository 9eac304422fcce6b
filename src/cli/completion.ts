// `codebuddy completion`: prints a script that completes commands, options and their values in a shell.

import type { Command } from 'commander';
import { completionTree } from './completion-tree.ts';
import { oneOf } from './option-values.ts';
import { print, printJson } from './output.ts';
import type { LoadTree } from './program.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export function define(completion: Command, loadTree: LoadTree): void {
  completion
    .description('Print a script that completes commands, options and their values in a shell.')
    .argument('<shell>', shells.join(', '), oneOf('<shell>', shells))
    .option('--json', 'print JSON, errors included')
    .addHelpText(
      'after',
      `
Install:
  bash  add to ~/.bashrc:  source <(codebuddy completion bash)
        in bash 3 (macOS): eval "$(codebuddy completion bash)"
  zsh   add to ~/.zshrc, after compinit:  source <(codebuddy completion zsh)
        or write it to a folder of $fpath: codebuddy completion zsh > FOLDER/_codebuddy
  fish  codebuddy completion fish > ~/.config/fish/completions/codebuddy.fish

A script in a file knows the commands of the version that wrote it. Write it again after an update.`,
    )
    .action(async (shell: Shell, { json }: { readonly json?: boolean }) => {
      const { scriptOf } = await import('./completion-script.ts');
      const script = scriptOf(shell, completionTree(await loadTree()));
      if (json) printJson({ shell, script });
      else print(script);
    });
}
