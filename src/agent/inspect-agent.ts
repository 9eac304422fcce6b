// Checks of the agent's configuration for `doctor`. The sandbox is tried out; nothing keeps running and nothing is
// changed.

import { realpath } from 'node:fs/promises';
import { createRedactor, secretVariables } from '../base/redaction.ts';
import { inspectAgents } from './acp/inspect-agents.ts';
import type { AgentCheck } from './agent-check.ts';
import { parseMcpServers } from './mcp/mcp-config.ts';
import { programFault } from './mcp/server-program.ts';
import { findModel } from './models/find-model.ts';
import { createModelLoader } from './models/model-loader.ts';
import { parseProviders } from './models/provider-config.ts';
import { findOptionFaults, type OptionFault } from './option-faults.ts';
import { ruleWarnings } from './permissions/rule-warnings.ts';
import { createCallMarks } from './processes/call-marks.ts';
import { readRefusedTools } from './refused-tools.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { describeSandbox } from './tools/sandbox/describe-sandbox.ts';
import { createSandbox, type SandboxOptions } from './tools/sandbox.ts';
import type { AgentSandboxOptions } from './workspaces/open-space.ts';

export interface InspectOptions {
  readonly workspace: string;
  readonly models?: readonly string[];
  readonly modelsOrigin: string;
  readonly providers: unknown;
  readonly mcpServers: unknown;
  readonly agents: unknown;
  readonly agent?: string;
  readonly permissions: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly protectedPaths: readonly string[];
  /** Working directory of MCP servers without a `cwd`. */
  readonly serverFolder: string;
  readonly sandbox: AgentSandboxOptions & Pick<SandboxOptions, 'mode' | 'hidden'>;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the agent keeps its journals. */
  readonly stateFolder: string;
}

export async function inspectAgent(options: InspectOptions): Promise<readonly AgentCheck[]> {
  const { redact } = createRedactor(secretVariables(options.environment));
  // The same faults prevent the server from starting.
  const faults = findOptionFaults(options, options.environment);
  const checks = [
    ...(await inspectModel(options, faults)),
    await inspectSandbox(options),
    ...inspectMcp(options, faults),
    ...inspectOtherAgents(options, faults),
    ...inspectRefusedTools(options),
    ...inspectRules(options, faults),
  ];
  return checks.map((check) => ({ ...check, detail: redact(check.detail) }));
}

function shown(
  name: string,
  faults: readonly OptionFault[],
  ...options: readonly OptionFault['option'][]
): readonly AgentCheck[] {
  return faults
    .filter(({ option }) => options.includes(option))
    .map(({ message }) => ({ name, ok: false, detail: message }));
}

async function inspectModel(
  { models, modelsOrigin, providers, environment }: InspectOptions,
  faults: readonly OptionFault[],
): Promise<readonly AgentCheck[]> {
  const name = 'model';
  const wrong = shown(name, faults, 'providers', 'models', 'proxies');
  if (wrong.length > 0) return wrong;
  try {
    const loader = createModelLoader({ environment, custom: parseProviders(providers, environment) });
    const choice = await findModel({ configured: models, origin: modelsOrigin, environment });
    const looked = choice.findings.map(({ where, found, detail }) => ({
      name: '',
      ok: true,
      detail: `  looked at ${where}: ${found ?? detail}`,
    }));
    if (choice.models.length === 0)
      return [
        { name, ok: true, detail: `offline (${choice.reason}): runs a few plain commands, needs no network` },
        ...looked,
      ];
    // The fallbacks too must have their keys.
    const troubles = await Promise.all(
      choice.models.map((id) =>
        loader.load(id).then(
          () => undefined,
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        ),
      ),
    );
    const trouble = troubles.find((message) => message !== undefined);
    const detail = `${choice.models.join(', then ')} (${choice.reason})`;
    return [
      { name, ok: trouble === undefined, detail: trouble === undefined ? detail : `${detail}: ${trouble}` },
      ...looked,
    ];
  } catch (error) {
    return [{ name, ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

async function inspectSandbox({ workspace, sandbox, environment }: InspectOptions): Promise<AgentCheck> {
  const name = 'sandbox';
  let root: string;
  try {
    root = await realpath(workspace);
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
  const made = createSandbox({
    ...sandbox,
    workspace: root,
    environment: cleanEnvironment(environment),
    serverEnvironment: environment,
    marks: createCallMarks(),
  });
  const state = await made.look();
  const { detail } = describeSandbox(made, state);
  const isMissing = state.status !== 'works' && state.status !== 'off';
  return { name, ok: !(isMissing && (sandbox.mode === 'required' || state.status === 'failed')), detail };
}

function inspectMcp(
  { mcpServers, environment, workspace, serverFolder }: InspectOptions,
  faults: readonly OptionFault[],
): readonly AgentCheck[] {
  const name = 'mcp servers';
  const wrong = shown(name, faults, 'mcpServers');
  if (wrong.length > 0) return wrong;
  const servers = parseMcpServers(mcpServers ?? {}, environment);
  const surroundings = { environment: cleanEnvironment(environment), cwd: serverFolder, workspace };
  const missing = servers.flatMap((server) => {
    const fault = programFault(server, surroundings);
    return fault === undefined ? [] : [{ name, ok: false, detail: `${server.name} ${fault}` }];
  });
  if (missing.length > 0) return missing;
  return [{ name, ok: true, detail: servers.map((server) => server.name).join(', ') || 'none' }];
}

function inspectOtherAgents(
  { agents, agent, environment, workspace }: InspectOptions,
  faults: readonly OptionFault[],
): readonly AgentCheck[] {
  const wrong = shown('agents', faults, 'agents');
  if (wrong.length > 0) return wrong;
  return inspectAgents(agents, agent, {
    serverEnvironment: environment,
    environment: cleanEnvironment(environment),
    cwd: workspace,
    workspace,
  });
}

/** Tools that a provider recently refused: sessions continue without them. */
function inspectRefusedTools({ stateFolder }: InspectOptions): readonly AgentCheck[] {
  return readRefusedTools(stateFolder, Date.now()).map(({ tool, model, said, at }) => ({
    name: 'tools',
    ok: true,
    detail: `warning: ${tool} was left out of a session with ${model} at ${at}: ${said}`,
  }));
}

function inspectRules(
  { permissions, mcpServers, environment, workspace }: InspectOptions,
  faults: readonly OptionFault[],
): readonly AgentCheck[] {
  const name = 'rules';
  const wrong = shown(name, faults, 'permissions', 'protectedPaths');
  if (wrong.length > 0) return wrong;
  const { allow, deny } = permissions;
  const counts = { name, ok: true, detail: `${allow.length} that allow, ${deny.length} that deny` };
  // Which rules can match depends on the configured servers.
  if (faults.some(({ option }) => option === 'mcpServers')) return [counts];
  const servers = parseMcpServers(mcpServers ?? {}, environment).map((server) => server.name);
  const warnings = ruleWarnings({ ...permissions, servers, workspace });
  return [counts, ...warnings.map((warning) => ({ name: '', ok: true, detail: `  warning: ${warning}` }))];
}
