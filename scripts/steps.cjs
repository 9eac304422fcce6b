// The steps of `npm start` and `npm test`: they run a program, show the time, and end the process if the program fails.
'use strict';

const fs = require('node:fs');
const childProcess = require('node:child_process');

function fail(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

/** Runs a program with its output on standard error. Ends this process if the program fails. */
function runOrFail(command, args, { what, folder }) {
  return new Promise((resolve) => {
    const child = childProcess.spawn(command, args, { cwd: folder, stdio: ['ignore', 2, 2] });
    child.on('error', (error) => {
      fail(`${what} could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      if (code !== 0) fail(`${what} failed (${signal || `exit ${code}`}); see above.`);
      resolve();
    });
  });
}

/** Prints the elapsed time, and how far the work is, every 3 s: a download may take minutes. */
async function showTime(what, work, progress = () => 'still running') {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  process.stderr.write(`${what}…\n`);
  const timer = setInterval(() => process.stderr.write(`  ${progress()} after ${seconds()} s\n`), 3000);
  await work();
  clearInterval(timer);
  process.stderr.write(`  done in ${seconds()} s\n`);
}

function readOr(file, fallback) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  }
}

module.exports = { fail, readOr, runOrFail, showTime };
