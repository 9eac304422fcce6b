// Checks the settings that only the modules themselves can judge: models, providers, MCP servers, rules and targets.

import { findOptionFaults } from '../agent/option-faults.ts';
import type { Settings } from '../config/settings.ts';
import { agentSettings } from './agent-settings.ts';
import { findTargetFaults } from './webhook-settings.ts';

/** Returns a sentence for each fault. */
export function settingFaults(
  settings: Settings,
  modelsOrigin: string,
  environment: NodeJS.ProcessEnv,
): readonly string[] {
  return [
    ...findOptionFaults(agentSettings(settings, modelsOrigin), environment).map(({ message }) => message),
    ...findTargetFaults(settings.allowedTargets),
  ];
}
