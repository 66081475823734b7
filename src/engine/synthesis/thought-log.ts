import { appendFileSync } from 'node:fs';
import { appendFile, truncate } from 'node:fs/promises';
import { type ThoughtSource, thoughtSources } from '@shared/synthesis/thought-source';
import { z } from 'zod';
import { readLines } from '../lines';

const lineSchema = z.object({
  /** Of the trajectory. */
  id: z.string(),
  /** The name of who wrote them. */
  teacher: z.string(),
  thoughts: z.array(z.object({ node: z.string(), thought: z.string(), by: z.enum(thoughtSources) })),
});

export interface WrittenThought {
  thought: string;
  by: ThoughtSource;
}

/**
 * The thoughts that a teacher wrote, a trajectory a line, appended as they come: asking is what costs. A line torn by a
 * kill is dropped. What another teacher wrote stays in the file and is not given; so does what an earlier version wrote
 * without saying by whom.
 */
export class ThoughtLog {
  private readonly known = new Map<string, Map<string, WrittenThought>>();

  private constructor(
    private readonly file: string,
    private readonly teacher: string,
  ) {}

  static async open(file: string, teacher: string): Promise<ThoughtLog> {
    const log = new ThoughtLog(file, teacher);
    await appendFile(file, '');
    for await (const { text, start, complete } of readLines(file)) {
      if (!complete) {
        await truncate(file, start);
        break;
      }
      const parsed = lineSchema.safeParse(JSON.parse(text));
      if (parsed.success && parsed.data.teacher === teacher) log.remember(parsed.data);
    }
    return log;
  }

  get(id: string): ReadonlyMap<string, WrittenThought> | undefined {
    return this.known.get(id);
  }

  add(id: string, thoughts: z.infer<typeof lineSchema>['thoughts']): void {
    const line = { id, teacher: this.teacher, thoughts };
    appendFileSync(this.file, `${JSON.stringify(line)}\n`);
    this.remember(line);
  }

  private remember({ id, thoughts }: z.infer<typeof lineSchema>): void {
    this.known.set(id, new Map(thoughts.map(({ node, thought, by }) => [node, { thought, by }])));
  }
}
