import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Folder of real photographs, surrogate models and format vectors; MASKWRIGHT_SHARED_DATA moves it. */
export const sharedData = resolve(process.env.MASKWRIGHT_SHARED_DATA ?? '../shared/data');

export const coco20 = {
  images: resolve(sharedData, 'photos/coco20/images'),
  refs: resolve(sharedData, 'photos/coco20/refs_authored.json'),
  instances: resolve(sharedData, 'photos/coco20/instances.json'),
};

export const surrogates = {
  sam1: `${resolve(sharedData, 'models/surrogate_sam1_encoder.onnx')},${resolve(sharedData, 'models/surrogate_sam1_decoder.onnx')}`,
  sam2: `${resolve(sharedData, 'models/surrogate_sam2_encoder.onnx')},${resolve(sharedData, 'models/surrogate_sam2_decoder.onnx')}`,
  baseline: resolve(sharedData, 'models/surrogate_baseline_on_refs_authored.json'),
};

/** True when the data is there; says what is skipped when it is not. */
export function hasSharedData(what: string): boolean {
  const there = existsSync(coco20.instances) && existsSync(surrogates.baseline);
  if (!there) console.warn(`SKIPPED: ${what}: no shared data (set MASKWRIGHT_SHARED_DATA)`);
  return there;
}
