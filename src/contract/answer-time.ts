// How long a run waits for an answer, and what happens without one.

/** What happens when nobody answers in time: the call is denied, or the run fails. */
export const unansweredActions = ['deny', 'fail'] as const;
export type UnansweredAction = (typeof unansweredActions)[number];

/** In ms: ten minutes. */
export const defaultAnswerTimeMs = 600_000;
/** In ms: a year. */
export const maxAnswerTimeMs = 31_536_000_000;
