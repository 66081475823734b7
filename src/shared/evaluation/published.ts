/** A result that others published. Not measured here: another machine, other weights, their own evaluation code. */
export interface PublishedResult {
  method: string;
  /** Percent. */
  gIoU: number;
  cIoU: number | null;
}

/** What the published results below were measured on. */
export const publishedOn = 'ReasonSeg test';

/** As their papers give them. */
export const publishedResults: readonly PublishedResult[] = [
  { method: 'LISA-13B', gIoU: 51.5, cIoU: 51.3 },
  { method: 'Seg-Zero-7B', gIoU: 57.5, cIoU: 52.0 },
  { method: 'SAM 3 Agent, Qwen2.5-VL-7B', gIoU: 62.6, cIoU: 56.2 },
  { method: 'VisionReasoner', gIoU: 63.6, cIoU: 55.7 },
  { method: 'RSAgent', gIoU: 66.5, cIoU: 57.9 },
  { method: 'SAM 3 Agent, Qwen3-VL-8B', gIoU: 70.2, cIoU: 67.3 },
  { method: 'SWiM-32B', gIoU: 72.4, cIoU: 66.2 },
  { method: 'SAM 3 Agent, Gemini 2.5 Pro', gIoU: 74.0, cIoU: null },
];
