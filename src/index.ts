// What a library user imports.

export * from './api/rest-server.ts';
export {
  ApiError,
  CodeBuddyClient,
  type CodeBuddyClientOptions,
  ServerUnreachableError,
} from './client/index.ts';
