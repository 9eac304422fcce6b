/** The word for triggers in their file and in messages about it. */
export const triggersMember = 'triggers';
