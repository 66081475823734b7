export const zoom = { in: 'Zoom in', out: 'Zoom out', fit: 'Fit', actual: 'One to one', label: 'Zoom' };
