/**
 * Who wrote a thought: a template, the policy itself as it called, a teacher from what really happened, or a template
 * because the teacher's (or the policy's) could not be used.
 */
export const thoughtSources = ['template', 'own', 'teacher', 'fallback'] as const;
export type ThoughtSource = (typeof thoughtSources)[number];
