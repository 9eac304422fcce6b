// Starts the writer thread, which takes as long to start as the rest of the program takes to load, then loads serve.cjs
// (scripts/bundle.cjs) with the code that V8 compiled for it at an earlier start. Node's compile cache keeps only what
// V8 compiles when it loads a module. This one also keeps the functions that a start calls: a fifth of its time.

import { hash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, Script } from 'node:vm';
import { startWriterThread } from '../app/early-thread.ts';

type ServeMain = typeof import('./serve-main.ts');

/** A start is over by then. V8 drops the code of functions that have not been called for a while. */
const saveAfterMs = 2000;
const digestLength = 32;

const writerThread = startWriterThread();
await loadServe().main(writerThread);

function loadServe(): ServeMain {
  const url = new URL('./serve.cjs', import.meta.url);
  const filename = fileURLToPath(url);
  const source = readFileSync(filename);
  const sourceHash = hash('sha256', source);
  // Of this user, this Node and its flags. Undefined if there is no compile cache.
  const folder = getCompileCacheDir();
  const cacheFile = folder === undefined ? undefined : join(folder, 'serve.code');
  const cachedData = cacheFile === undefined ? undefined : readCode(cacheFile, sourceHash);
  // The bundler writes ASCII only.
  const script = new Script(source.toString('latin1'), {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const serve = script.runInThisContext()(createRequire(url), url.href) as ServeMain;
  if (cacheFile !== undefined && (cachedData === undefined || script.cachedDataRejected === true))
    saveLater(cacheFile, () => {
      const code = serve.withoutLimits(() => script.createCachedData());
      return Buffer.concat([digestOf(sourceHash, code), code]);
    });
  return serve;
}

/** The file is a digest of the source and the code, then the code. V8 itself compares only the length of the source. */
function readCode(cacheFile: string, sourceHash: string): Buffer | undefined {
  try {
    const found = readFileSync(cacheFile);
    const code = found.subarray(digestLength);
    return digestOf(sourceHash, code).equals(found.subarray(0, digestLength)) ? code : undefined;
  } catch {
    // Not there yet.
    return undefined;
  }
}

function digestOf(sourceHash: string, code: Buffer): Buffer {
  return hash('sha256', sourceHash + hash('sha256', code), 'buffer');
}

function saveLater(path: string, makeContent: () => Buffer): void {
  let isSaved = false;
  const save = (): void => {
    if (isSaved) return;
    isSaved = true;
    const temporary = `${path}.${process.pid}`;
    try {
      writeFileSync(temporary, makeContent(), { mode: 0o600, flag: 'wx' });
      // Renamed, so that no start reads half of it.
      renameSync(temporary, path);
    } catch {
      // The next start is as slow as this one.
      rmSync(temporary, { force: true });
    }
  };
  setTimeout(save, saveAfterMs).unref();
  process.once('exit', save);
}
