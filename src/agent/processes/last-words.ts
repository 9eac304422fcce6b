// The output of a program before it failed.

/** The length of the shown end of its stderr, in bytes. */
export const shownStderrBytes = 4096;

/** The program's own output, as a hint for fixing it: the end of a message about its failure. */
export function remarksOn(
  { garbage, stderr }: { readonly garbage: string | undefined; readonly stderr: string },
  redact: (text: string) => string,
): string {
  const said = lastWords(redact(stderr));
  const noise = garbage === undefined ? undefined : redact(garbage).slice(0, 200);
  return [
    noise === undefined ? '' : `; its stdout is not JSON-RPC: ${JSON.stringify(noise)}`,
    said === '' ? '' : `; its stderr ends with:\n${said}`,
  ].join('');
}

/** The last 4 KiB of a text, without half characters. */
export function lastWords(text: string): string {
  const bytes = Buffer.from(text.trim());
  if (bytes.length <= shownStderrBytes) return bytes.toString('utf8');
  let start = bytes.length - shownStderrBytes;
  while (((bytes[start] as number) & 0xc0) === 0x80) start++;
  return bytes.subarray(start).toString('utf8').trim();
}
