// The entry point of the library.

export * from './api/rest-server.ts';
export * from './api/webhooks.ts';
export {
  ApiError,
  CodeBuddyApiError,
  CodeBuddyClient,
  type CodeBuddyClientOptions,
  CodeBuddyConnectionError,
  CodeBuddyRunError,
  PermissionRequiredError,
  ServerUnreachableError,
  type StreamEvent,
} from './client/index.ts';
