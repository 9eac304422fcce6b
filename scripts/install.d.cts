export function ensureInstalled(folder: string, options?: readonly string[]): Promise<void>;
