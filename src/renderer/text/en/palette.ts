export const palette = {
  title: 'Command palette',
  placeholder: 'Type a command, an image, a class, a setting …',
  results: 'Results',
  kinds: {
    command: 'Command',
    image: 'Image',
    category: 'Class',
    setting: 'Setting',
    project: 'Project',
    help: 'Help',
  },
  useClass: (name: string) => `Use the class “${name}”`,
  notNow: 'not here or not now',
  nothing: 'Nothing fits. Try fewer letters.',
  hint: 'Arrows choose, Enter runs, Esc closes',
};
