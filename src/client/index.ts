// The entry point `codebuddy-api/client`: the typed client.

export type {
  ApiKey,
  CreatedWebhook,
  Delivery,
  ExplainedDelivery,
  ExportedSession,
  LoggedEvent,
  Message,
  Node,
  Permission,
  PermissionDecision,
  PromptRequest,
  PromptResult,
  Run,
  Session,
  ToolDescription,
  Webhook,
  WebhookPatch,
} from './api-objects.ts';
export type {
  CallOptions,
  CreateOptions,
  FollowOptions,
  OnPermission,
  PromptCallOptions,
  PromptStreamOptions,
  StreamOptions,
} from './call-options.ts';
export type { CodeBuddyClientOptions } from './client.ts';
export { CodeBuddyClient } from './client.ts';
export { ApiError, PermissionRequiredError, type Problem, ServerUnreachableError } from './errors.ts';
export type { DeltaEvent, GapNotice, LogEvent, OverflowNotice, StreamEvent } from './stream-event.ts';
