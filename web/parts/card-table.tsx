// A table. On a narrow screen each row is a card, with the labels of its cells in `data-label`.

import type { ComponentChildren } from 'preact';

export interface CardTableProps {
  readonly columns: readonly ComponentChildren[];
  /** Rows. */
  readonly children: ComponentChildren;
}

export function CardTable({ columns, children }: CardTableProps) {
  return (
    <table class="cards">
      <thead>
        <tr>
          {columns.map((column, index) => (
            <th key={index}>{column}</th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
