// The route of settings.

import { settingSchema } from '../../contract/setting.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

const settingsSchema = {
  type: 'object',
  title: 'Settings',
  properties: { settings: { type: 'array', items: settingSchema } },
  required: ['settings'],
  additionalProperties: false,
} as const;

/** The route of settings; none without settings. */
export function settingRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { settings } = services;
  if (settings === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/settings',
      operationId: 'listSettings',
      summary: 'List the settings of the server with their origins. Secrets are masked.',
      scope: 'admin',
      schema: { response: { 200: settingsSchema } },
      handler: async () => ({ settings: settings() }),
    },
  ];
}
