// Transport to an MCP server that is started here, over its stdin and stdout. The SDK's own transport leaves the
// server's children running and takes up to four seconds to close.

import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { CallMark } from '../processes/call-marks.ts';
import { LineProcess } from '../processes/line-process.ts';
import type { StartedProgram } from '../programs/started-program.ts';
import { sdk } from './sdk.ts';

export class ProcessTransport extends LineProcess<JSONRPCMessage> implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];

  constructor(program: StartedProgram, mark?: CallMark) {
    super({
      program,
      mark,
      parse: (line) => sdk().deserializeMessage(line),
      onMessage: (message) => this.onmessage?.(message),
      onClosed: () => this.onclose?.(),
    });
  }

  // Not awaited: every request has its own timeout.
  async send(message: JSONRPCMessage): Promise<void> {
    this.write(sdk().serializeMessage(message));
  }
}
