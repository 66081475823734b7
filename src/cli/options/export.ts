import { type Command, Option } from 'commander';
import { exitCodeHelp, pixels } from '../arguments';
import { exportCommand } from '../export';

export function addExport(root: Command): void {
  root
    .command('export <format>')
    .description('Export from a project: coco, yolo-seg, labelme, masks, overlays, trajectories.')
    .requiredOption('--project <file>', 'project file, or the folder that holds it')
    .requiredOption('--out <dir>', 'folder to write into; made if missing')
    .addOption(
      new Option('--geometry <form>', 'coco: how masks that were made or changed here are written')
        .choices(['rle', 'polygons', 'polygons-only'])
        .default('rle'),
    )
    .option('--copy-images', 'yolo-seg, labelme, masks: copy the image files too')
    .addOption(
      new Option('--only <images>', 'which images (default: all for coco, else annotated)').choices([
        'all',
        'annotated',
      ]),
    )
    .option('--simplify <pixels>', 'polygons: how far outlines may move to have fewer points', pixels, 0)
    .option('--overwrite', 'replace files that no export wrote, or that were changed since; never images')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Formats:
  coco          coco.json. Imported annotations that nobody touched are as they came, to the digit. "polygons" writes
                outlines where they say the same mask, else run lengths; "polygons-only" fills holes.
  yolo-seg      data.yaml, labels/train/NAME.txt; holes are filled, parts joined by a line, crowds left out
  labelme       NAME.json; parts share a group_id, parts with holes are mask shapes
  masks         SegmentationClass, SegmentationObject, labelmap.txt as Pascal VOC; the upper mask wins where two overlap
  overlays      NAME.jpg with masks in the colours of their classes
  trajectories  trajectories.jsonl, every turn with verdicts

"annotated" images have annotations or are marked done. What a format cannot express is counted on standard error,
with examples, and in the JSON report ("losses", "warnings").

Examples:
  maskwright export coco --geometry polygons --project work.maskwright --out exported
  maskwright export yolo-seg --copy-images --project work.maskwright --out dataset
${exitCodeHelp}`,
    )
    .action(exportCommand);
}
