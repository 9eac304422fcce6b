// The outcomes of a call of a trigger.

/**
 * `accepted`: a run was started. `duplicate`: the call is a repetition. `ignored`: the filter or the trigger's settings
 * leave it out. `refused`: it is invalid, or a limit is reached.
 */
export const triggerOutcomes = ['accepted', 'duplicate', 'ignored', 'refused'] as const;
export type TriggerOutcome = (typeof triggerOutcomes)[number];
