// The exports of both entry points besides the client: errors and types.

export type {
  Agent,
  ApiKey,
  CreatedTrigger,
  CreatedWebhook,
  Delivery,
  DeliveryRequest,
  ExplainedDelivery,
  ExportedSession,
  FileEntry,
  InboxItem,
  LoggedEvent,
  McpServer,
  Message,
  Model,
  Models,
  Node,
  Part,
  PartInput,
  Permission,
  PermissionDecision,
  PromptRequest,
  PromptResult,
  Question,
  QuestionAnswer,
  Run,
  SearchHit,
  Session,
  SessionChange,
  Setting,
  ToolCall,
  ToolCallResult,
  ToolDescription,
  Trigger,
  TriggerCall,
  TriggerPatch,
  UndoResult,
  UploadedFile,
  Webhook,
  WebhookPatch,
  Workspaces,
} from './api-objects.ts';
export type {
  CallOptions,
  CreateOptions,
  FollowOptions,
  OnPermission,
  OnQuestion,
  PromptCallOptions,
  PromptStreamOptions,
  PromptTool,
  ResumeOptions,
  StreamOptions,
  StreamState,
} from './call-options.ts';
export type { CodeBuddyClientOptions } from './client-options.ts';
export type { Fetch, HttpAnswer, HttpRequest } from './connection.ts';
export {
  CodeBuddyApiError,
  /** @deprecated Use CodeBuddyApiError. */
  CodeBuddyApiError as ApiError,
  CodeBuddyConnectionError,
  /** @deprecated Use CodeBuddyConnectionError. */
  CodeBuddyConnectionError as ServerUnreachableError,
  type ConnectionFailure,
  PermissionRequiredError,
  type Problem,
  QuestionRequiredError,
} from './errors.ts';
export type { PageList } from './paging.ts';
export { CodeBuddyRunError } from './run-error.ts';
export type { DeltaEvent, GapNotice, LogEvent, OverflowNotice, StreamEvent } from './stream-event.ts';
