export function ensureBuilt(node: string): Promise<void>;
export function ensureLibrary(node: string): Promise<void>;
export function ensureProgram(node: string): Promise<void>;
