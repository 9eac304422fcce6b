export function localNode(platform: string, modules: string): string;
export function ownNode(
  platform: string,
  arch: string,
  modules: string,
): { readonly program: string; readonly unneeded: readonly string[] };
export function npmCommand(
  platform: string,
  options: {
    readonly execPath: string;
    readonly npmExecPath?: string;
    readonly exists: (path: string) => boolean;
  },
): { readonly command: string; readonly args: readonly string[] };
