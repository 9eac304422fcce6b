// The settings that the agent takes, in its own option names. The start, its checks and `doctor` pass the same ones.

import type { Settings } from '../config/settings.ts';

/** `modelsOrigin`: where the models were set, for messages. */
export function agentSettings(settings: Settings, modelsOrigin: string) {
  const { models, providers, mcpServers, permissions, protectedPaths } = settings;
  return {
    ...(models === undefined ? {} : { models }),
    modelsOrigin,
    providers,
    mcpServers,
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
