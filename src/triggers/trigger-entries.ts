// Triggers as entries of a registry: triggers.json, or the table that nodes share.

export const triggersMember = 'triggers';
