export const welcome = {
  title: 'Label with an agent that you can correct',
  intro:
    'Say what to find. The agent proposes boxes and points, you accept or move them on the picture, and every correction becomes training data.',
  folder: 'Open a folder of images',
  folderHint: 'Makes a project in it; the images stay where they are',
  project: 'Open a project',
  projectHint: 'Goes on where you left it',
  sample: 'Try the sample project',
  sampleHint: 'Drawn scenes, and photographs with recorded turns; needs no model',
  path: 'Folder of images or project file, on the machine that runs the engine',
  pathPlaceholder: '~/pictures/cups',
  open: 'Open',
  opening: 'Opening …',
  recent: 'Recent',
  steps: [
    ['Ask', 'Type what you want: “the mug left of the lamp”.'],
    ['Correct', 'Each call is a ghost on the picture: accept it, drag it, or draw your own.'],
    ['Keep', 'Accept the mask with a category. Export COCO and the trajectories.'],
  ],
  tour: 'Take the tour',
  help: 'First steps',
};
