export const category = {
  titleAccept: 'Accept as',
  titleTarget: 'Category for what comes',
  titleChange: 'Change category to',
  placeholder: 'Type to search or create',
  create: (name: string) => `Create “${name}”`,
  none: 'No category yet. Type a name.',
  label: 'Categories',
};
