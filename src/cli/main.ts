// `codebuddy`: all commands. The built program runs `codebuddy serve` from serve-main.ts instead.

import { commands } from './commands.ts';
import { runProgram } from './program.ts';

await runProgram(commands);
