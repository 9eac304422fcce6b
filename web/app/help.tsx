// The keyboard shortcuts.

import { Dialog } from '../parts/dialog.tsx';
import { views } from './views.ts';

export function Help({ onClose }: { readonly onClose: () => void }) {
  const keys: readonly (readonly [string, string])[] = [
    ...views.flatMap(({ key, title }) => (key === undefined ? [] : [[`g ${key}`, title] as const])),
    ['/', 'Search'],
    ['j, k', 'Next and previous row of a list'],
    ['Enter', 'Open the row'],
    ['a, d', 'Allow or deny the marked permission'],
    ['Ctrl Enter', 'Send the prompt'],
    ['Esc Esc', 'Cancel the run in view'],
    ['?', 'Show these shortcuts'],
  ];
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <table>
        <tbody>
          {keys.map(([key, text]) => (
            <tr key={key}>
              <td>
                {key.split(' ').map((part) => (
                  <kbd key={part} style={{ marginRight: '4px' }}>
                    {part}
                  </kbd>
                ))}
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
