// `codebuddy-api/client`: the typed client.

export type {
  ApiKey,
  CallOptions,
  CodeBuddyClientOptions,
  LoggedEvent,
  MakingOptions,
  Message,
  PromptRequest,
  PromptResult,
  Run,
  Session,
  StreamEvent,
  StreamOptions,
  ToolDescription,
} from './client.ts';
export { CodeBuddyClient } from './client.ts';
export { ApiError, type Problem, ServerUnreachableError } from './errors.ts';
