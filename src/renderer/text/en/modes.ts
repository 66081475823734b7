export const modes = {
  label: 'Who works',
  manual: 'Manual',
  step: 'Step',
  auto: 'Auto',
  manualHint: 'You make every call',
  stepHint: 'The agent shows each call before it runs',
  autoHint: 'The agent runs its calls by itself',
};
