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
  const list: Omit<RouteDefinition, 'path' | 'operationId' | 'summary'> = {
    method: 'GET',
    scope: 'admin',
    schema: { response: { 200: settingsSchema } },
    handler: async () => ({ settings: settings() }),
  };
  return [
    {
      ...list,
      path: '/api/config',
      operationId: 'getConfig',
      summary: 'Get the configuration: each setting with its value and its origin. Secrets are masked.',
    },
    {
      ...list,
      path: '/api/settings',
      operationId: 'listSettings',
      summary: 'List the settings, like `GET /api/config`.',
    },
  ];
}
