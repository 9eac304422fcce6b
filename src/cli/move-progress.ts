// The progress of `codebuddy migrate`: a bar on a terminal, and lines otherwise.

import type { MoveProgress } from '../app/migrate.ts';
import { complain } from './output.ts';

export interface ProgressDisplay {
  show(progress: MoveProgress): void;
  /** Ends the line of the bar. */
  end(): void;
}

const widestBar = 30;
/** A shorter bar tells less than its percentage. */
const narrowestBar = 5;
/** Without a terminal, a line is printed when a table is done, and at this interval in ms. */
const lineEveryMs = 5000;

export function createProgress(): ProgressDisplay {
  const isTerminal = process.stderr.isTTY === true;
  let isBarShown = false;
  let shownAt = 0;
  return {
    show(progress) {
      const { rows, totalRows } = progress;
      if (isTerminal) {
        process.stderr.write(`\r\x1b[K${barOf(progress, process.stderr.columns ?? 80)}`);
        isBarShown = true;
        return;
      }
      if (totalRows === 0 || (rows < totalRows && performance.now() - shownAt < lineEveryMs)) return;
      shownAt = performance.now();
      complain(textOf(progress));
    },
    end() {
      if (isBarShown) process.stderr.write('\n');
      isBarShown = false;
    },
  };
}

/** One line that does not wrap: the next one could not replace it. */
function barOf(progress: MoveProgress, columns: number): string {
  const text = textOf(progress);
  // A character in the last column wraps on some terminals.
  const room = columns - 1;
  const width = Math.min(widestBar, room - text.length - '[] '.length);
  if (width < narrowestBar) return text.trimStart().slice(0, room);
  const filled = Math.round(shareOf(progress) * width);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${text}`;
}

function textOf(progress: MoveProgress): string {
  const percent = `${Math.floor(shareOf(progress) * 100)} %`.padStart(5);
  return `${percent}  ${progress.table.replaceAll('_', ' ')} ${progress.rows}/${progress.totalRows}`;
}

function shareOf({ allRows, allTotalRows }: MoveProgress): number {
  return allTotalRows === 0 ? 1 : allRows / allTotalRows;
}
