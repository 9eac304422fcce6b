// Describes how commands run, for the start, `status`, readiness and `doctor`.

import type { SandboxDescription, SandboxMode } from '../../../contract/sandbox.ts';
import type { Sandbox } from '../sandbox.ts';
import type { SandboxOptions, SandboxState } from './sandbox-options.ts';

/** `state`: undefined before the first check has finished. */
export function describeSandbox(
  { mode, network }: Pick<SandboxOptions, 'mode' | 'network'>,
  state: SandboxState | undefined,
): SandboxDescription {
  const status = state?.status ?? 'checking';
  return { mode, status, detail: detailOf(mode, network, state) };
}

function detailOf(mode: SandboxMode, network: boolean, state: SandboxState | undefined): string {
  const withoutSandbox = `commands run without a sandbox, with all rights of the server's user`;
  switch (state?.status) {
    case undefined:
      return 'checking whether commands can run in bubblewrap';
    case 'works':
      return `commands run in bubblewrap, ${network ? 'with' : 'without'} the network; they can write only the workspace`;
    case 'off':
      return `${withoutSandbox}: it is switched off`;
    case 'failed':
      return `commands are refused until the sandbox works: ${state.reason}`;
    case 'missing':
    case 'unavailable':
      return mode === 'required'
        ? `commands are refused: ${state.reason}`
        : `${withoutSandbox}: ${state.reason}. Permission modes below "full" ask for each command`;
  }
}

/** @throws Error with the reason why the sandbox does not work */
export async function requireSandbox(sandbox: Sandbox): Promise<void> {
  try {
    await sandbox.isolation();
  } catch (cause) {
    const { detail } = describeSandbox(sandbox, sandbox.lastState);
    throw new Error(`the setting sandbox is "required", but ${detail}`, { cause });
  }
}
