import type { HelpTopic } from '../../state/app.svelte';

/** Keys are written `[[command.id]]` and shown as they are now. */
export const help = {
  title: 'Help',
  topicsLabel: 'Topics',
  keys: 'All keys',
  tour: 'Take the tour',
  topics: {
    start: {
      title: 'First steps',
      parts: [
        'Open a folder of images: a project file is made in it and the images stay where they are. Or open the sample project: drawn scenes with queries to ask, and photographs with recorded turns.',
        'Say in the field at the top what to find. The agent answers with calls: a box, a point, a zoom. You accept each of them, move it, or draw your own.',
        'When the mask fits, accept it with a class. It is on the disk before the window says so, and can be undone without limit.',
        '[[go.palette]] finds every command, image, class and setting by name. [[go.keys]] shows the keys. [[go.nextRegion]] goes from one part of the window to the next.',
      ],
    },
    label: {
      title: 'Labelling',
      parts: [
        '[[decide.accept]] says yes to what is nearest: a polygon being drawn, a call being moved, a proposed call, and then the mask. [[decide.reject]] says no in the same order.',
        '[[decide.next]] goes to the next image that is not done; [[view.nextImage]] and [[view.previousImage]] to the one beside it. [[decide.done]] marks an image done.',
        'A digit accepts the mask as that class, or gives the class to the chosen mask, or keeps it for what comes. [[decide.category]] lets you search for a class or make one.',
        '[[decide.undo]] takes the last decision back, [[decide.redo]] brings it again, also after a restart.',
      ],
    },
    agent: {
      title: 'The agent',
      parts: [
        '[[agent.step]] asks for the next call and shows it before it runs; [[agent.run]] lets the agent go on by itself; [[agent.stop]] stops at once.',
        'A proposed call is drawn dashed. Drag its box or point, or press [[agent.moveCall]] and use the arrows: that is a correction. What the agent wanted stays in the record as a rejected branch.',
        '[[agent.takePen]] gives you the pen for as many calls as you like. [[agent.handBack]] lets the agent go on from there.',
        'Without a model the recorded turns of an image can be replayed, and you can work by hand. Models are set up under Settings, Agent.',
      ],
    },
    canvas: {
      title: 'The canvas',
      parts: [
        'The wheel zooms at the pointer. Hold Space and drag, or drag with the middle button, to move the picture. [[view.fit]] fits it, [[view.actual]] shows it one to one.',
        '[[draw.box]] draws a box, [[draw.positive]] a point on the target; with Alt the point is off the target. [[draw.polygon]] draws a polygon without any model.',
        'A click chooses the topmost mask under the pointer, another click the one beneath. [[draw.delete]] deletes the chosen mask. [[view.masks]] hides the masks.',
        'Masks are pixels, and what is drawn is what is exported. Beyond eightfold zoom a grid shows the pixels.',
      ],
    },
    classes: {
      title: 'Classes',
      parts: [
        'A class has a name, a colour and, if you like, a supercategory, a digit key and attributes that are asked for each object.',
        'Classes can be renamed, put in another order, merged into one, and deleted with their objects given to another class. Each of these is one step of undo.',
      ],
    },
    runs: {
      title: 'Agent runs',
      parts: [
        'A run lets the agent work on many images by itself. Choose the images, what to find in them, and who works.',
        'A run can be paused, cancelled and, after a restart, gone on with. What comes out waits to be reviewed and is no annotation before you accept it.',
      ],
    },
    statistics: {
      title: 'Statistics',
      parts: [
        'Progress, time and turns for each object, and how often the calls of each tool were accepted, corrected or rejected.',
        'IoU compares the agent’s proposal with the mask that you accepted: 1 means that nothing had to be changed.',
      ],
    },
    import: {
      title: 'Import',
      parts: [
        'Annotations of other tools are matched to the images of the project by file name. What could not be read is listed with its reason.',
        'An imported annotation that nobody touches is exported as it came.',
      ],
    },
    export: {
      title: 'Export',
      parts: [
        'Only accepted masks are exported. Before anything is written you see what the export contains and what its format cannot say.',
        'Trajectories are the turns with your verdicts: training data for agents. They hold no pixels, so keep the images.',
      ],
    },
    settings: {
      title: 'Settings',
      parts: [
        'Every key can be changed. A key that another command has can be swapped or taken over, and the keys can be kept in a file.',
        'Models, the execution provider and the caches belong to the engine: the app, the browser and the command line share them.',
      ],
    },
  } satisfies Record<HelpTopic, { title: string; parts: readonly string[] }>,
};
