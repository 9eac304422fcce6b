// Clients generated from the document compile under strict types, and work: answers by status, events by type, problems
// by code, headers, other media types, and streams.

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startApp } from '../http/start-app.ts';
import { runNode, runTool, startFolder } from './tools.ts';

const generators = {
  'openapi-fetch': async (folder) =>
    runTool('openapi-typescript', ['openapi.json', '-o', 'generated/schema.d.ts'], folder),
  orval: async (folder, url) => {
    const config = {
      api: {
        input: { target: './openapi.json' },
        output: { target: './generated/orval.ts', client: 'fetch', mode: 'single', baseUrl: url },
      },
    };
    writeFileSync(join(folder, 'orval.config.mjs'), `export default ${JSON.stringify(config)};\n`);
    return runTool('orval', ['--config', 'orval.config.mjs'], folder);
  },
  'hey-api': async (folder) => {
    const plugins = ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'];
    return runTool('openapi-ts', ['-i', 'openapi.json', '-o', 'generated/hey', '-p', ...plugins], folder);
  },
} satisfies Record<string, (folder: string, url: string) => ReturnType<typeof runTool>>;

const compilerOptions = {
  strict: true,
  noEmit: true,
  target: 'es2024',
  module: 'preserve',
  lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
  types: ['node'],
  typeRoots: ['./node_modules/@types'],
};

test.each(Object.keys(generators) as (keyof typeof generators)[])('%s', async (name) => {
  const { url, client } = await startApp();
  const folder = await startFolder(url);
  const generated = await generators[name](folder, url);
  expect(generated, generated.stdout + generated.stderr).toMatchObject({ code: 0 });
  const program = `programs/${name}.ts`;
  cpSync(join(import.meta.dirname, program), join(folder, program));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: [program, 'generated'] }),
  );
  const compiled = await runTool('tsc', ['-p', '.'], folder);
  expect(compiled.stdout).toBe('');
  expect(compiled.code).toBe(0);

  const bundle = ['--bundle', '--platform=node', '--format=esm', '--outfile=program.mjs'];
  const bundled = await runTool('esbuild', [program, ...bundle], folder);
  expect(bundled, bundled.stderr).toMatchObject({ code: 0 });
  const { key } = await client.keys.create({ name, scopes: ['read', 'prompt', 'tools'] });
  const { stdout, stderr } = await runNode(['program.mjs', url, key], folder);
  expect(stderr).toBe('');
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({
    status: 'completed',
    responses: 1,
    code: 'run_not_found',
    location: true,
    metrics: true,
    left: 'queued',
  });
  expect(seen.streamed[0]).toBe('session.start');
  expect(seen.streamed.at(-1)).toBe('run.complete');
});
