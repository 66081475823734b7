import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { MaskwrightError } from '@shared/contract/errors';
import { toWireError } from '@shared/contract/rpc-server';
import { systemText } from '@shared/tools/system-text';
import { applicationName, applicationVersion } from '../application';
import type { EpisodeSettings } from './hosted-episode';
import type { ImageFolders } from './image-folders';
import { McpDesk } from './mcp-desk';

/**
 * The environment's tools over the Model Context Protocol, for one client. What an agent can do something about comes
 * back as a tool's error, with a text that says what.
 */
export function createMcpServer(
  settings: EpisodeSettings,
  folders: ImageFolders,
  log: (line: string) => void,
): Server {
  const desk = new McpDesk(settings, folders);
  const server = new Server(
    { name: applicationName.toLowerCase(), title: applicationName, version: applicationVersion },
    {
      capabilities: { tools: {} },
      instructions: `Call open_image with an image and a query. ${systemText(settings.conventions)}`,
    },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: desk.tools().map(({ name, description, input_schema }) => ({
      name,
      description,
      inputSchema: { ...input_schema, type: 'object' as const },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }): Promise<CallToolResult> => {
    try {
      const { text, png, facts, refused } = await desk.call(params.name, params.arguments ?? {}, signal);
      return {
        content: [
          { type: 'text', text },
          ...(png
            ? [{ type: 'image' as const, data: Buffer.from(png).toString('base64'), mimeType: 'image/png' }]
            : []),
        ],
        structuredContent: facts,
        isError: refused,
      };
    } catch (error) {
      const { message, hint } =
        error instanceof MaskwrightError ? error : toWireError(error, params.name, log);
      return { content: [{ type: 'text', text: `${message} ${hint}`.trim() }], isError: true };
    }
  });
  return server;
}
