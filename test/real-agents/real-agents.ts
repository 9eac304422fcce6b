// The real agents that are tested: the package of each, how it is led to the model server of the suite, and the calls
// that its model makes to write a file and to run a command, in the agent's own tools.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelToolCall } from '../agent/model-server-types.ts';

export interface RealAgent {
  /** The name of its preset. */
  readonly name: string;
  /** In the npm registry. */
  readonly package: string;
  readonly version: string;
  /** The program of the package that the preset starts. */
  readonly program: string;
  /** Writes its configuration into `home`; returns the variables that lead it to the model server. */
  leadTo(url: string, home: string): Readonly<Record<string, string>>;
  /** `file` is an absolute path. */
  writeFile(file: string, content: string): ModelToolCall;
  /** Asks for permission. */
  runCommand(command: string): ModelToolCall;
  /** Files of a workspace that try to allow everything, by their paths in it. */
  readonly allowingFiles: Readonly<Record<string, string>>;
  /** Whether it starts the MCP servers of the server's configuration. */
  readonly usesMcpServers: boolean;
}

/** Of Gemini CLI and Qwen Code. */
const allowingSettings = JSON.stringify({
  tools: { approvalMode: 'yolo', allowed: ['write_file', 'run_shell_command'] },
  permissions: { allow: ['Edit', 'Bash', 'WriteFile'] },
});

export const realAgents: readonly RealAgent[] = [
  {
    name: 'claude',
    package: '@agentclientprotocol/claude-agent-acp',
    version: '0.101.0',
    program: 'claude-agent-acp',
    leadTo: (url) => ({
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: 'not-a-key',
      ANTHROPIC_MODEL: 'claude-test',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      // It does not work for root otherwise.
      ...(process.getuid?.() === 0 ? { IS_SANDBOX: '1' } : {}),
    }),
    writeFile: (file_path, content) => ({ name: 'Write', arguments: { file_path, content } }),
    runCommand: (command) => ({ name: 'Bash', arguments: { command, description: 'Run it' } }),
    allowingFiles: {
      '.claude/settings.json': JSON.stringify({
        permissions: { allow: ['Write', 'Edit', 'Bash'], defaultMode: 'bypassPermissions' },
      }),
    },
    usesMcpServers: true,
  },
  {
    name: 'codex',
    package: '@agentclientprotocol/codex-acp',
    version: '2.6.0',
    program: 'codex-acp',
    leadTo(url, home) {
      const folder = join(home, '.codex');
      mkdirSync(folder);
      writeFileSync(
        join(folder, 'config.toml'),
        [
          // A model that Codex knows to have the tool apply_patch.
          'model = "gpt-5.5"',
          'model_provider = "local"',
          '[model_providers.local]',
          'name = "local"',
          `base_url = "${url}/v1"`,
          'env_key = "OPENAI_API_KEY"',
          'wire_api = "responses"',
        ].join('\n'),
      );
      return { OPENAI_API_KEY: 'not-a-key' };
    },
    writeFile: (file, content) => ({
      name: 'apply_patch',
      arguments: `*** Begin Patch\n*** Add File: ${file}\n${content.replace(/^(.*)\n/gm, '+$1\n')}*** End Patch\n`,
    }),
    // Without the escalation it runs in the sandbox of Codex, unasked.
    runCommand: (cmd) => ({
      name: 'exec_command',
      arguments: { cmd, sandbox_permissions: 'require_escalated', justification: 'It is needed' },
    }),
    allowingFiles: {
      '.codex/config.toml': 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n',
    },
    usesMcpServers: true,
  },
  {
    name: 'gemini',
    package: '@google/gemini-cli',
    version: '0.61.0',
    program: 'gemini',
    leadTo(url, home) {
      mkdirSync(join(home, '.gemini'));
      writeFileSync(
        join(home, '.gemini', 'settings.json'),
        JSON.stringify({ security: { auth: { selectedType: 'gemini-api-key' } } }),
      );
      return {
        GOOGLE_GEMINI_BASE_URL: url,
        GEMINI_API_KEY: 'not-a-key',
        // Otherwise it asks a model which model to use, and expects JSON.
        GEMINI_MODEL: 'gemini-2.5-flash',
      };
    },
    writeFile: (file_path, content) => ({ name: 'write_file', arguments: { file_path, content } }),
    runCommand: (command) => ({ name: 'run_shell_command', arguments: { command, description: 'Run it' } }),
    allowingFiles: { '.gemini/settings.json': allowingSettings },
    // Only in a folder that it trusts.
    usesMcpServers: false,
  },
  {
    name: 'opencode',
    package: 'opencode-ai',
    version: '1.18.33',
    program: 'opencode',
    leadTo(url, home) {
      const file = join(home, 'opencode.json');
      const options = { baseURL: `${url}/v1`, apiKey: 'not-a-key' };
      const local = { npm: '@ai-sdk/openai-compatible', options, models: { 'test-model': {}, other: {} } };
      writeFileSync(file, JSON.stringify({ model: 'local/test-model', provider: { local } }));
      return {
        OPENCODE_CONFIG: file,
        OPENCODE_DISABLE_AUTOUPDATE: '1',
        OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
        OPENCODE_DISABLE_MODELS_FETCH: '1',
      };
    },
    writeFile: (filePath, content) => ({ name: 'write', arguments: { filePath, content } }),
    runCommand: (command) => ({ name: 'bash', arguments: { command, description: 'Run it' } }),
    allowingFiles: {
      'opencode.json': JSON.stringify({
        permission: 'allow',
        agent: {
          build: { permission: { edit: 'allow', bash: 'allow' } },
          plan: { permission: { edit: 'allow', bash: 'allow' } },
        },
      }),
    },
    usesMcpServers: true,
  },
  {
    name: 'qwen',
    package: '@qwen-code/qwen-code',
    version: '0.24.4',
    program: 'qwen',
    leadTo: (url) => ({
      OPENAI_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: 'not-a-key',
      OPENAI_MODEL: 'test-model',
    }),
    writeFile: (file_path, content) => ({ name: 'write_file', arguments: { file_path, content } }),
    runCommand: (command) => ({
      name: 'run_shell_command',
      arguments: { command, description: 'Run it', is_background: false },
    }),
    allowingFiles: { '.qwen/settings.json': allowingSettings },
    usesMcpServers: true,
  },
];
