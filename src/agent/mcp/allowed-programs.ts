// The programs that may be started as MCP servers over the API: those of the setting `mcpPrograms`. They run outside the
// sandbox, with the rights of the server.

import type { StdioServerConfig } from './mcp-config.ts';

/**
 * What is wrong; undefined if one of the entries allows the program. An entry is the start of a command line, such as
 * `npx -y @modelcontextprotocol/server-filesystem`: its words must be the command and the first arguments.
 */
export function programFaultBySettings(
  { command, args, env, cwd }: StdioServerConfig,
  allowed: readonly string[],
): string | undefined {
  const line = [command, ...args];
  const isAllowed = allowed.some((entry) => {
    const words = entry.split(/\s+/).filter((word) => word !== '');
    return words.length > 0 && words.every((word, index) => line[index] === word);
  });
  if (!isAllowed)
    return `is a program that the setting mcpPrograms of this server does not allow (${allowed.join(', ') || 'it allows none'}); use a server with a url`;
  // Variables such as NODE_OPTIONS, and packages of a folder, could make it run another program.
  const risky = Object.keys(env).filter(
    (name) => !/_(?:KEY|TOKEN|SECRET|PASSWORD|USER|URL|HOST|PORT|ID)$/i.test(name),
  );
  if (risky.length > 0)
    return `sets ${risky.join(', ')}; over the API, only variables may be set whose names end with _KEY, _TOKEN, _SECRET, _PASSWORD, _USER, _URL, _HOST, _PORT or _ID`;
  return cwd === undefined ? undefined : 'sets cwd, which is not allowed over the API';
}
