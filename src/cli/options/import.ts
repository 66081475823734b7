import type { Command } from 'commander';
import { exitCodeHelp } from '../arguments';
import { exitCodes } from '../exit-codes';
import { importCommand } from '../import';

export function addImport(root: Command): void {
  root
    .command('import <source>')
    .description('Import annotations and images into a project: coco, yolo-seg, labelme, masks, folder.')
    .option('--images <dir>', 'folder of the images (default: where the data set has them)')
    .option('--classes <file>', 'masks: file with the classes of the values')
    .requiredOption('--project <file>', 'project file (made if missing) or its folder')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Sources:
  coco:FILE.json      COCO instances: polygons, run lengths, crowds. Images beside the file, in images, or --images.
  yolo-seg:PATH       data.yaml or its folder, with label files of polygons. Rows of plain boxes are reported.
  labelme:PATH        one LabelMe JSON or a folder of them: polygon, rectangle, circle, oriented_rectangle, mask.
                      Shapes of one label and group_id become one object. Pixels in imageData are not read.
  masks:DIR           PNG masks, in one of these layouts (images in DIR, DIR/images, DIR/JPEGImages or --images):
    SegmentationClass/NAME.png        Pascal VOC and CVAT; objects from SegmentationObject/NAME.png where it is there
    NAME.png, NAME_mask.png, masks/NAME.png
                                      8 bits: value = class, 0 background, 255 ignored (alone with 0: one object);
                                      16 bits: value = object; colours: as labelmap.txt says
    NAME_instanceIds.png              value = class × 1000 + object (Cityscapes)
    NAME/CLASS_1.png, NAME_CLASS_1.png
                                      one object a file, every pixel that is not 0
                      Classes: labelmap.txt, classes.txt ("value name" or one name a line from value 0) or --classes.
  folder:DIR          images only

What cannot be read is listed with its reason and skipped (exit code ${exitCodes.itemsFailed}). Importing again adds only what is missing.

Examples:
  maskwright import coco:instances_val2017.json --images val2017 --project work.maskwright
  maskwright import yolo-seg:dataset/data.yaml --project work.maskwright
  maskwright import masks:VOC2012 --project work.maskwright --json
${exitCodeHelp}`,
    )
    .action(importCommand);
}
