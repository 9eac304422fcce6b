// The limits of the API's fields that flags check before any request, from the schemas that the server validates with.

import { apiKeyInputSchema, keyLimitsSchema } from '../contract/api-key.ts';
import { pageQueryProperties } from '../contract/page.ts';
import { permissionDecisionSchema } from '../contract/permission.ts';
import { promptRequestSchema } from '../contract/prompt.ts';
import { promptOptionsSchema } from '../contract/prompt-options.ts';
import { sessionForkSchema } from '../contract/session.ts';

const { maxSteps, timeoutMs } = promptOptionsSchema.properties;

export const limits = {
  page: pageQueryProperties.limit,
  keyName: apiKeyInputSchema.properties.name,
  ...keyLimitsSchema.properties,
  sessionTitle: sessionForkSchema.properties.title,
  permissionReason: { minLength: 0, ...permissionDecisionSchema.properties.reason },
  prompt: promptRequestSchema.properties.prompt,
  maxSteps,
  timeoutMs,
} as const;
