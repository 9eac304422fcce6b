// `codebuddy-api/client`: the typed client.

export type {
  ApiKey,
  CallOptions,
  CodeBuddyClientOptions,
  CreatedWebhook,
  Delivery,
  ExplainedDelivery,
  FollowOptions,
  LoggedEvent,
  MakingOptions,
  Message,
  OnPermission,
  Permission,
  PermissionDecision,
  PromptCallOptions,
  PromptRequest,
  PromptResult,
  PromptStreamOptions,
  Run,
  Session,
  StreamOptions,
  ToolDescription,
  Webhook,
  WebhookPatch,
} from './client.ts';
export { CodeBuddyClient } from './client.ts';
export { ApiError, PermissionRequiredError, type Problem, ServerUnreachableError } from './errors.ts';
export type { DeltaEvent, GapNotice, LogEvent, OverflowNotice, StreamEvent } from './stream-event.ts';
