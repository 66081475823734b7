import { type Coordinates, maxCoordinate, type View } from '../geometry/view';
import { pointLabelSchema, type ToolName, toolDefinition } from './definitions';

/** JSON Schema of one scalar argument. */
export interface ArgumentSchema {
  type: 'integer' | 'string';
  description: string;
  minimum?: number;
  maximum?: number;
  enum?: string[];
}

/** One entry of OpenAI's `tools`, of Qwen's `<tools>` section and of a training row's `tools` column. */
export interface FunctionTool {
  type: 'function';
  function: {
    name: ToolName;
    description: string;
    parameters: { type: 'object'; properties: Record<string, ArgumentSchema>; required: string[] };
  };
}

const horizontal = new Set(['x', 'x1', 'x2']);
const vertical = new Set(['y', 'y1', 'y2']);

function unitOf(coordinates: Coordinates, axis: 'width' | 'height'): string {
  return coordinates === 'norm1000' ? `0 to 1000 of the view's ${axis}` : 'pixels of the latest image';
}

function argumentSchema(
  argument: { name: string; description: string },
  coordinates: Coordinates,
  view: View | null,
): ArgumentSchema {
  if (argument.name === 'label') {
    return { type: 'string', description: argument.description, enum: [...pointLabelSchema.options] };
  }
  const axis = horizontal.has(argument.name) ? 'width' : vertical.has(argument.name) ? 'height' : null;
  if (axis === null) return { type: 'integer', description: argument.description, minimum: 0 };
  const schema: ArgumentSchema = {
    type: 'integer',
    description: `${argument.description}, ${unitOf(coordinates, axis)}`,
    minimum: 0,
  };
  if (coordinates === 'norm1000') schema.maximum = 1000;
  else if (view) schema.maximum = maxCoordinate(view, coordinates)[axis];
  return schema;
}

/**
 * The tools as OpenAI function definitions, in the order given; properties are in the order in which a model
 * writes them. With `pixel` coordinates the maximum depends on the view: pass null (as prompts and training
 * exports do) for a text that stays the same over an episode, so that prompt caches hold and what is trained
 * is what runs.
 */
export function toolJsonSchemas(
  tools: readonly ToolName[],
  coordinates: Coordinates,
  view: View | null = null,
): FunctionTool[] {
  return tools.map((name) => {
    const definition = toolDefinition(name);
    return {
      type: 'function',
      function: {
        name,
        description: definition.description,
        parameters: {
          type: 'object',
          properties: Object.fromEntries(
            definition.arguments.map((argument) => [
              argument.name,
              argumentSchema(argument, coordinates, view),
            ]),
          ),
          required: definition.arguments.map((argument) => argument.name),
        },
      },
    };
  });
}
