// Checks the settings that only the modules themselves can judge: models, providers, MCP servers, agents, rules and targets.

import { findOptionFaults } from '../agent/option-faults.ts';
import type { Origins, Settings } from '../config/settings.ts';
import { agentSettings } from './agent-settings.ts';
import { findTargetFaults } from './webhook-settings.ts';

/** Returns a sentence for each fault. */
export function settingFaults(
  settings: Settings,
  origins: Pick<Origins, 'models' | 'agent'>,
  environment: NodeJS.ProcessEnv,
): readonly string[] {
  return [
    ...findOptionFaults(agentSettings(settings, origins), environment).map(({ message }) => message),
    ...findTargetFaults(settings.allowedTargets),
  ];
}
