// The server's default permission mode for a session, and the models to choose from.

import { CodeBuddyApiError, type CodeBuddyClient, type Model } from '../client/index.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';

/** The mode of the server; `ask` if the key may not see it. */
export async function defaultMode(client: CodeBuddyClient): Promise<PermissionMode> {
  const { settings } = await unlessForbidden(client.settings.list(), { settings: [] });
  const mode = settings.find(({ name }) => name === 'permissionMode')?.value;
  return permissionModes.find((one) => one === mode) ?? 'ask';
}

/** The models that can be used; none if the key may not list them. */
export async function findModels(client: CodeBuddyClient): Promise<readonly Model[]> {
  const { models } = await unlessForbidden(client.models.list(), { models: [] });
  return models.filter(({ ready }) => ready);
}

/** For routes that a host application, or the scopes of the key, may lack. */
export async function unlessForbidden<T, O>(answer: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CodeBuddyApiError && [403, 404, 501].includes(error.status)) return otherwise;
    throw error;
  }
}
