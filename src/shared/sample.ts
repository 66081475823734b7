/** Where things are in the folder of the sample project. */
export const sampleFiles = {
  /** Folder of the scenes of ReasonScenes, which the embedded agent knows. All other images are photographs. */
  drawn: 'drawn',
  /** What can be asked of the scenes: JSON lines with image, query and its kind. */
  queries: 'queries.jsonl',
} as const;

/** Whether an image of the sample project, by its name there, is a drawn scene. */
export function isDrawnScene(name: string): boolean {
  return name.startsWith(`${sampleFiles.drawn}/`);
}
