// Text of the server with its times in local time. The exact one shows on hover.

import { formatExactTime } from './format.ts';

const isoTime = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;
const clock = new Intl.DateTimeFormat('en', { timeStyle: 'medium' });

export function TimedText({ text }: { readonly text: string }) {
  // Every second part is a time.
  return (
    <>
      {text.split(isoTime).map((part, index) =>
        index % 2 === 0 ? (
          part
        ) : (
          <time key={index} dateTime={part} title={formatExactTime(part)}>
            {isToday(part) ? clock.format(new Date(part)) : formatExactTime(part)}
          </time>
        ),
      )}
    </>
  );
}

function isToday(time: string): boolean {
  return new Date(time).toDateString() === new Date().toDateString();
}
