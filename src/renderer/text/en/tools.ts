export const tools = {
  label: 'Tools',
  select: 'Select and pan',
  box: 'Box',
  positive: 'Point on the target',
  negative: 'Point off the target (or Alt)',
  polygon: 'Polygon by hand',
  delete: 'Delete selected mask',
  undo: 'Undo',
  redo: 'Redo',
};
