export const query = {
  label: 'What to find in this image',
  placeholder: 'What should the agent find? “the mug left of the lamp”',
  placeholderManual: 'Name what you draw, or ask the agent for it',
  asClass: 'as',
  noClass: 'choose category',
  classLabel: 'Category for accepted masks',
  run: 'Run',
  step: 'Step',
  stop: 'Stop',
  missing: 'Say first what to find.',
  missingHint: 'Type it in the field at the top, then Run or Step.',
};
