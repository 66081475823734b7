import { exportText } from '@engine/exporters';
import type { ProjectStore } from '@engine/project';
import { defaultExportOptions, type ExportOptions, type ExportReport } from '@shared/contract/formats';
import { z } from 'zod';

const entry = z.looseObject({ id: z.number() });
const cocoSchema = z.looseObject({
  info: z.unknown(),
  licenses: z.array(z.unknown()),
  images: z.array(entry),
  annotations: z.array(
    entry.extend({
      area: z.number(),
      bbox: z.array(z.number()),
      iscrowd: z.unknown(),
      segmentation: z.unknown(),
    }),
  ),
  categories: z.array(entry),
});
export type ExportedCoco = z.infer<typeof cocoSchema>;

/** A project as COCO: parsed, the text itself, and the report. */
export async function exportCoco(
  store: ProjectStore,
  options: Partial<ExportOptions> = {},
): Promise<{ coco: ExportedCoco; text: string; report: ExportReport }> {
  const { text, report } = await exportText(store, 'coco', { ...defaultExportOptions('coco'), ...options });
  return { coco: cocoSchema.parse(JSON.parse(text)), text, report };
}
