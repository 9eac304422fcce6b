// The `mcpServers` of config.json, in the usual format: programs that are started and spoken to over stdin and stdout,
// and servers behind a URL. Validated at the start, so that errors do not wait for the first call.

import { isRecord } from '../../base/is-record.ts';
import {
  type Environment,
  type Expand,
  expandVariables,
  flag,
  isPlainText,
  milliseconds,
  parseStrings,
  parseTexts,
  parseVariables,
} from '../config-fields.ts';

interface McpServerCommon {
  /** `[A-Za-z0-9_-]{1,64}` without `__`, the separator in `server__tool`. */
  readonly name: string;
  /** Do not start this server. @default false */
  readonly disabled?: boolean;
  /** Limit of one call, in ms. @default 60_000 */
  readonly timeoutMs: number;
  /** Limit from the start to the list of tools, in ms. @default 30_000 */
  readonly startTimeoutMs: number;
  /**
   * Trust the server's statement that a tool only reads (`readOnlyHint`).
   * @default true for programs, false for URLs
   */
  readonly trust?: boolean;
}

export type StdioServerConfig = McpServerCommon & {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Relative to the workspace. @default a private folder outside it */
  readonly cwd?: string;
};

export type HttpServerConfig = McpServerCommon & {
  readonly kind: 'http';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};

export type McpServerConfig = StdioServerConfig | HttpServerConfig;

const commonFields = ['type', 'disabled', 'timeoutMs', 'startTimeoutMs', 'trust'];
const stdioFields = ['command', 'args', 'env', 'cwd', ...commonFields];
const httpFields = ['url', 'headers', ...commonFields];

const httpTypes: readonly unknown[] = ['http', 'streamable-http'];

/**
 * Replaces `${NAME}` and `${NAME:-default}` by the variable's value, so that keys need not be in the file. `onVariable`
 * is called with each value.
 * @throws Error that names the field, such as `mcpServers.files.command must be ...`; never with a value, which may be
 * a secret
 */
export function parseMcpServers(
  value: unknown,
  environment: Environment,
  onVariable: (value: string) => void = () => undefined,
): readonly McpServerConfig[] {
  if (value === undefined) return [];
  if (!isRecord(value)) throw new Error('mcpServers must be an object: {"name": {"command": "…"}}');
  return Object.entries(value).map(([name, entry]) => {
    const at = `mcpServers.${name}`;
    const fault = serverNameFault(name);
    if (fault !== undefined) throw new Error(`${at}: a name ${fault}`);
    return parseServer({ at, name, entry, environment, onVariable });
  });
}

/** What is wrong with the name of a server: it completes "a name …". Undefined if nothing is. */
export function serverNameFault(name: string): string | undefined {
  // With `_` at the end, `a_` + `__` + `b` and `a` + `__` + `_b` would be the same name.
  return /^[A-Za-z0-9_-]{1,64}$/.test(name) && !name.includes('__') && !name.endsWith('_')
    ? undefined
    : 'must be 1 to 64 characters of A-Z, a-z, 0-9, - and _, must not contain __ and must not end with _';
}

/** `at`: the field of the server in errors, such as `mcpServers.files`. @throws like `parseMcpServers` */
export function parseServer({
  at,
  name,
  entry,
  environment,
  onVariable = () => undefined,
}: {
  readonly at: string;
  readonly name: string;
  readonly entry: unknown;
  readonly environment: Environment;
  readonly onVariable?: (value: string) => void;
}): McpServerConfig {
  if (!isRecord(entry)) throw new Error(`${at} must be an object with a command or a url`);
  const kind = kindOf(at, entry);
  const known = kind === 'stdio' ? stdioFields : httpFields;
  for (const field of Object.keys(entry)) {
    if (!known.includes(field))
      throw new Error(
        `${at}.${field} is not known; the fields of a server with a ${kind === 'stdio' ? 'command' : 'url'} are ${known.join(', ')}`,
      );
  }
  const common = {
    name,
    disabled: flag(entry.disabled, `${at}.disabled`, false),
    timeoutMs: milliseconds(entry.timeoutMs, `${at}.timeoutMs`, 60_000, 3_600_000),
    startTimeoutMs: milliseconds(entry.startTimeoutMs, `${at}.startTimeoutMs`, 30_000, 600_000),
    // A local program already has the user's rights; a remote server could gain rights by a false statement.
    trust: flag(entry.trust, `${at}.trust`, kind === 'stdio'),
  };
  // A disabled server must not require variables.
  const expand: Expand = (text, where) =>
    expandVariables(text, where, environment, common.disabled, onVariable);
  return kind === 'stdio'
    ? { kind, ...common, ...parseProgram(at, entry, expand) }
    : { kind, ...common, ...parseEndpoint(at, entry, expand) };
}

/**
 * Values that are given to the server and must not be shown: those of `env` and `headers`, its URL, and options named
 * like a secret.
 */
export function secretsOf(config: McpServerConfig): readonly string[] {
  return config.kind === 'stdio'
    ? [...Object.values(config.env), ...secretOptions(config.args)]
    : [...Object.values(config.headers), config.url];
}

function isSecretOption(option: string): boolean {
  return /^-[\w-]+$/.test(option) && /key|token|secret|passw|auth|credential/i.test(option);
}

/** Finds the values of `--token=VALUE` and `--token VALUE`. */
function secretOptions(args: readonly string[]): readonly string[] {
  return args.flatMap((arg, index) => {
    const equals = arg.indexOf('=');
    if (equals > 0 && isSecretOption(arg.slice(0, equals))) return [arg.slice(equals + 1)];
    const next = args[index + 1];
    return isSecretOption(arg) && next !== undefined && !next.startsWith('-') ? [next] : [];
  });
}

function kindOf(at: string, entry: Readonly<Record<string, unknown>>): McpServerConfig['kind'] {
  const { type, command, url } = entry;
  if (type === 'sse')
    throw new Error(
      `${at}.type must not be "sse": that transport is deprecated; most such servers also support "http", often at a path that ends in /mcp`,
    );
  if (type !== undefined && type !== 'stdio' && !httpTypes.includes(type))
    throw new Error(`${at}.type must be "stdio" or "http"`);
  if (command !== undefined && url !== undefined)
    throw new Error(`${at} must have a command or a url, not both`);
  if (type === 'stdio' || (type === undefined && command !== undefined)) return 'stdio';
  if (httpTypes.includes(type) || url !== undefined) return 'http';
  throw new Error(`${at} must have a command (a program to start) or a url (a server to reach)`);
}

function parseProgram(
  at: string,
  entry: Readonly<Record<string, unknown>>,
  expand: Expand,
): Pick<StdioServerConfig, 'command' | 'args' | 'env' | 'cwd'> {
  const { command, args = [], env = {}, cwd } = entry;
  if (!isPlainText(command) || command.trim() === '')
    throw new Error(`${at}.command must be the name or the path of a program`);
  if (cwd !== undefined && (!isPlainText(cwd) || cwd === ''))
    throw new Error(`${at}.cwd must be the path of a folder`);
  return {
    command: expand(command, `${at}.command`),
    args: parseTexts(`${at}.args`, args, expand),
    env: parseVariables(`${at}.env`, env, expand),
    ...(cwd === undefined ? {} : { cwd: expand(cwd, `${at}.cwd`) }),
  };
}

function parseEndpoint(
  at: string,
  entry: Readonly<Record<string, unknown>>,
  expand: Expand,
): Pick<HttpServerConfig, 'url' | 'headers'> {
  const { url, headers = {} } = entry;
  if (typeof url !== 'string' || url === '')
    throw new Error(`${at}.url must be an http or https URL, such as https://mcp.example.com/mcp`);
  const expanded = expand(url, `${at}.url`);
  // A disabled server may lack a variable, so that its URL is not valid.
  if (!expanded.includes('${')) {
    if (!URL.canParse(expanded) || !/^https?:$/.test(new URL(expanded).protocol))
      throw new Error(`${at}.url must be an http or https URL, such as https://mcp.example.com/mcp`);
    const { username, password } = new URL(expanded);
    if (username !== '' || password !== '')
      throw new Error(`${at}.url must not contain a user or password; use headers.Authorization`);
  }
  return {
    url: expanded,
    headers: parseStrings(`${at}.headers`, headers, expand, (name, text) => {
      // RFC 9110 §5.1 and §5.5.
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
        throw new Error(`${at}.headers must not have a header named ${JSON.stringify(name)}`);
      if (/[^\t\x20-\x7e\x80-\xff]/.test(text))
        throw new Error(
          `${at}.headers.${name} must not contain control characters or characters beyond U+00FF`,
        );
    }),
  };
}
