// Lets `webhooks listen` check whether the listener of an earlier start still runs: a listener on its port must know
// its secret.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { request } from 'node:http';

export const challengeHeader = 'x-codebuddy-challenge';
export const proofHeader = 'x-codebuddy-proof';

export function proofOf(secret: string, challenge: string): string {
  return createHmac('sha256', secret).update(`listener ${challenge}`).digest('hex');
}

/** False if no program, or another one, listens there, or if it does not answer within `timeoutMs`. */
export function isListening(port: number, secret: string, timeoutMs = 5000): Promise<boolean> {
  const challenge = randomBytes(16).toString('hex');
  return new Promise((resolve) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        method: 'GET',
        agent: false,
        headers: { [challengeHeader]: challenge },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const proof = Buffer.from(String(response.headers[proofHeader] ?? ''));
        const expected = Buffer.from(proofOf(secret, challenge));
        response.destroy();
        resolve(proof.length === expected.length && timingSafeEqual(proof, expected));
      },
    );
    asking.on('error', () => resolve(false));
    asking.end();
  });
}
