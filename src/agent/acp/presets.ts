// Well-known agents: how each is started, which of its modes asks, where its sign-in is kept, and which variables it
// reads. Modes: in every permission mode, the agent asks for each step that changes something, and our rules and modes
// answer. So deny rules apply in mode `full`, too.
//
// copilot and goose follow their documentation; the others were started and tried.

import type { PresetAgent } from '../../contract/agent-names.ts';
import type { PermissionMode } from '../../contract/permission-mode.ts';
import type { AgentConfig } from './agent-config.ts';

export type Preset = Omit<AgentConfig, 'name' | 'idleMs' | 'startTimeoutMs' | 'silenceMs'>;

/** The agent's mode in all permission modes, except `read-only` if it has one that never changes anything. */
function modes(asking: string | null, readOnly = asking): Readonly<Record<PermissionMode, string | null>> {
  return { 'read-only': readOnly, ask: asking, 'auto-edit': asking, full: asking };
}

const openCodeAsks = { edit: 'ask', bash: 'ask', webfetch: 'ask' };

const always = { mcp: true, system: false, maxSteps: false, fork: true } as const;

const all: Readonly<Record<PresetAgent, Preset>> = {
  claude: {
    title: 'Claude Code',
    command: 'claude-agent-acp',
    args: [],
    passEnv: [
      'ANTHROPIC_API_KEY',
      'ANTHROPIC_AUTH_TOKEN',
      'ANTHROPIC_BASE_URL',
      'ANTHROPIC_MODEL',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'CLAUDE_CONFIG_DIR',
      'CLAUDE_CODE_EXECUTABLE',
      'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC',
      // Claude Code refuses some modes to root without it.
      'IS_SANDBOX',
    ],
    env: {},
    modes: modes('default', 'plan'),
    capabilities: { ...always, model: true, resume: true },
    install: 'Install it with `npm install --global @agentclientprotocol/claude-agent-acp`.',
    signIn: 'Run `claude` and sign in with `/login`, or set ANTHROPIC_API_KEY.',
    signInPlaces: {
      variables: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
      files: [{ variable: 'CLAUDE_CONFIG_DIR', folder: '.claude', file: '.credentials.json' }],
      isComplete: process.platform !== 'darwin',
    },
  },
  codex: {
    title: 'Codex',
    command: 'codex-acp',
    args: [],
    passEnv: [
      'CODEX_API_KEY',
      'OPENAI_API_KEY',
      'OPENAI_BASE_URL',
      'CODEX_HOME',
      'CODEX_PATH',
      'CODEX_CONFIG',
    ],
    env: { NO_BROWSER: '1', INITIAL_AGENT_MODE: 'read-only' },
    modes: modes('read-only'),
    capabilities: { ...always, model: true, resume: true },
    install: 'Install it with `npm install --global @agentclientprotocol/codex-acp`.',
    signIn: 'Run `codex login`, or set CODEX_API_KEY or OPENAI_API_KEY.',
    keyMethod: 'api-key',
    signInPlaces: {
      variables: ['CODEX_API_KEY', 'OPENAI_API_KEY'],
      files: [{ variable: 'CODEX_HOME', folder: '.codex', file: 'auth.json' }],
      isComplete: true,
    },
  },
  gemini: {
    title: 'Gemini CLI',
    command: 'gemini',
    args: ['--acp'],
    passEnv: [
      'GEMINI_API_KEY',
      'GOOGLE_API_KEY',
      'GOOGLE_APPLICATION_CREDENTIALS',
      'GOOGLE_CLOUD_LOCATION',
      'GOOGLE_CLOUD_PROJECT',
      'GOOGLE_GEMINI_BASE_URL',
      'GOOGLE_GENAI_USE_GCA',
      'GOOGLE_GENAI_USE_VERTEXAI',
      'GEMINI_CLI_HOME',
      'GEMINI_MODEL',
    ],
    env: {},
    modes: modes('default'),
    capabilities: { ...always, resume: true },
    install: 'Install it with `npm install --global @google/gemini-cli`.',
    signIn: 'Run `gemini` and sign in with `/auth`, or set GEMINI_API_KEY.',
    signInPlaces: {
      variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_APPLICATION_CREDENTIALS'],
      files: [
        { folder: '.gemini', file: 'oauth_creds.json' },
        { folder: '.gemini', file: 'gemini-credentials.json' },
      ],
      isComplete: process.platform !== 'darwin',
    },
  },
  opencode: {
    title: 'opencode',
    command: 'opencode',
    args: ['acp'],
    passEnv: [
      'OPENCODE_API_KEY',
      'OPENCODE_CONFIG',
      'OPENCODE_CONFIG_DIR',
      'OPENCODE_DISABLE_AUTOUPDATE',
      'OPENCODE_DISABLE_LSP_DOWNLOAD',
      'OPENCODE_DISABLE_MODELS_FETCH',
    ],
    env: {
      // Its modes do not ask unless its configuration says so. This text outranks its files.
      OPENCODE_CONFIG_CONTENT: JSON.stringify({
        permission: openCodeAsks,
        agent: { build: { permission: openCodeAsks }, plan: { permission: openCodeAsks } },
      }),
      // The workspace could start plugins, and allow more.
      OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    },
    modes: modes('build', 'plan'),
    capabilities: { ...always, model: true, resume: true },
    install: 'Install it with `npm install --global opencode-ai`.',
    signIn: 'Run `opencode auth login`; some of its models need no sign-in.',
    signInPlaces: {
      variables: ['OPENCODE_API_KEY'],
      files: [{ variable: 'XDG_DATA_HOME', folder: '.local/share', file: 'opencode/auth.json' }],
      isComplete: false,
    },
  },
  qwen: {
    title: 'Qwen Code',
    command: 'qwen',
    // The settings of the workspace could allow everything, and start programs.
    args: ['--acp', '--safe-mode'],
    passEnv: ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_MODEL', 'DASHSCOPE_API_KEY', 'QWEN_HOME'],
    env: {},
    modes: modes('default', 'plan'),
    capabilities: { ...always, resume: true },
    install: 'Install it with `npm install --global @qwen-code/qwen-code`.',
    signIn: 'Run `qwen` and sign in with `/auth`, or set OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL.',
    signInPlaces: {
      variables: ['OPENAI_API_KEY', 'DASHSCOPE_API_KEY'],
      files: [{ variable: 'QWEN_HOME', folder: '.qwen', file: 'oauth_creds.json' }],
      isComplete: false,
    },
  },
  copilot: {
    title: 'GitHub Copilot',
    command: 'copilot',
    args: ['--acp', '--stdio'],
    passEnv: ['COPILOT_GITHUB_TOKEN', 'COPILOT_HOME', 'COPILOT_MODEL'],
    env: {},
    modes: modes(
      'https://agentclientprotocol.com/protocol/session-modes#agent',
      'https://agentclientprotocol.com/protocol/session-modes#plan',
    ),
    capabilities: always,
    install: 'Install it with `npm install --global @github/copilot`.',
    signIn: 'Run `copilot` and sign in with `/login`, or set COPILOT_GITHUB_TOKEN.',
    signInPlaces: { variables: ['COPILOT_GITHUB_TOKEN'], files: [], isComplete: false },
  },
  goose: {
    title: 'goose',
    command: 'goose',
    args: ['acp'],
    passEnv: ['GOOSE_PROVIDER', 'GOOSE_MODEL'],
    env: { GOOSE_MODE: 'approve' },
    modes: modes(null),
    capabilities: always,
    install: 'Install it as https://block.github.io/goose describes.',
    signIn: 'Run `goose configure`.',
    signInPlaces: { variables: [], files: [], isComplete: false },
  },
};

export const presets: Readonly<Record<string, Preset>> = all;

/** Every agent needs these to reach its provider and to find its own folders. */
export const commonVariables: readonly string[] = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
];
