// The settings that the agent takes, in its own option names. The start, its checks and `doctor` pass the same ones.

import type { Origins, Settings } from '../config/settings.ts';

/** `origins`: where the models and the agent were set, for messages. */
export function agentSettings(settings: Settings, origins: Pick<Origins, 'models' | 'agent'>) {
  const { models, providers, mcpServers, mcpPrograms, agents, agent, permissions, protectedPaths } = settings;
  return {
    ...(models === undefined ? {} : { models }),
    modelsOrigin: origins.models,
    providers,
    mcpServers,
    mcpPrograms,
    agents,
    ...(agent === undefined ? {} : { agent }),
    agentOrigin: origins.agent,
    permissions,
    protectedPaths,
  };
}

export function sandboxSettings(settings: Settings) {
  return {
    mode: settings.sandbox,
    network: settings.sandboxNetwork,
    limits: settings.sandboxLimits,
    hide: settings.sandboxHide,
    show: settings.sandboxShow,
  };
}
