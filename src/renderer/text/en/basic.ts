/** The models that are shipped, and what they are good for. */
export const basic = {
  name: 'embedded (basic)',
  agent: 'a tiny model of our own that knows the drawn scenes of the sample project only.',
  segmenter: 'a small model of our own for any picture; a real SAM is much better.',
  scene: 'A drawn scene',
  sceneKnown:
    'The embedded agent (basic) knows scenes like this one, and nothing else. Press Run, or ask it for:',
  sceneOther: 'Ask the agent for:',
  sceneUnknown:
    'Scenes like this one are what an embedded agent knows, and this version has none. With an agent of yours you can ask for:',
  queries: 'Queries for this scene',
  photograph: 'A photograph',
  otherImage: 'The embedded agent does not know this',
  photographUnknown:
    'The embedded agent (basic) knows drawn scenes only. Here the work is yours: [[draw.box]] and a box around a thing gives a mask by the embedded segmenter; or replay recorded turns.',
  photographByHand:
    '[[draw.box]] and a box around a thing gives a mask. Where turns of an agent are recorded, replay them.',
  placeholder: 'The agent knows drawn scenes only: draw a box',
  placeholderScene: (query: string) => `What should the agent find? “${query}”`,
  beyond: 'The embedded agent knows drawn scenes only.',
  beyondHint: 'What it says here is a guess. Draw a box yourself, or set up a larger model under Models.',
  larger: 'Larger models',
  largerHow:
    'Get the files from these public repositories (Hugging Face) and write their paths, with a comma between, into the field above: the agent’s are a GGUF and its mmproj, the segmenter’s an encoder and a decoder in ONNX.',
};
