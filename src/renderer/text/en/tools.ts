export const tools = {
  label: 'Tools',
  select: 'Select and pan',
  box: 'Box',
  positive: 'Point on the target',
  negative: 'Point off the target (or Alt)',
  brush: 'Brush',
  eraser: 'Eraser',
  polygon: 'Polygon: draw, or edit the corners of the selected mask',
  cut: 'Cut the selected mask by a line',
  delete: 'Delete selected mask',
  undo: 'Undo',
  redo: 'Redo',
};
