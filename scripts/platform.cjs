// Finds npm and Node on each platform. On Windows, Node does not start .cmd files without a shell (since
// CVE-2024-27980), so the programs behind them are started instead. Plain CommonJS for any Node that npm may run on.
'use strict';

const path = require('node:path');

/** The Node of devDependencies. */
function localNode(platform, modules) {
  return platform === 'win32'
    ? path.win32.join(modules, 'node', 'bin', 'node.exe')
    : path.posix.join(modules, '.bin', 'node');
}

/** The Node of scripts/node, and what running it does not need: the headers for native modules, the manual, the log of changes. */
function ownNode(platform, arch, modules) {
  const { join } = platform === 'win32' ? path.win32 : path.posix;
  const folder = join(modules, `node-${platform === 'win32' ? 'win' : platform}-${arch}`);
  return {
    program: join(folder, 'bin', platform === 'win32' ? 'node.exe' : 'node'),
    unneeded: ['include', 'share', 'CHANGELOG.md'].map((name) => join(folder, name)),
  };
}

/** npm sets the path of its program for its scripts. Without that path, npm is beside Node on Windows. */
function npmCommand(platform, { execPath, npmExecPath, exists }) {
  if (npmExecPath && /\.c?js$/.test(npmExecPath)) return { command: execPath, args: [npmExecPath] };
  if (platform !== 'win32') return { command: 'npm', args: [] };
  const script = path.win32.join(path.win32.dirname(execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js');
  if (exists(script)) return { command: execPath, args: [script] };
  // The shell finds npm.cmd; nothing in the arguments needs quotes.
  return { command: process.env.ComSpec || 'cmd.exe', args: ['/d', '/s', '/c', 'npm'] };
}

module.exports = { localNode, npmCommand, ownNode };
