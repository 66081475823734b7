import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exportCoco, exportTrajectories, writeTextFile } from '@engine/exporters';
import { openProject, type ProjectStore } from '@engine/project';
import { MaskwrightError } from '@shared/contract/errors';

interface ExportOptions {
  project: string;
  out: string;
  json?: boolean;
}

export async function exportCommand(kind: string, options: ExportOptions): Promise<void> {
  if (kind !== 'coco' && kind !== 'trajectories') {
    throw new MaskwrightError('INVALID_REQUEST', `"${kind}" cannot be exported.`, {
      hint: 'Use coco or trajectories.',
    });
  }
  const store = openProject(options.project);
  try {
    mkdirSync(options.out, { recursive: true });
    const report =
      kind === 'coco' ? await writeCoco(store, options.out) : await writeTrajectories(store, options.out);
    for (const warning of report.warnings) process.stderr.write(`warning: ${warning}\n`);
    process.stdout.write(
      options.json ? `${JSON.stringify(report)}\n` : `${report.summary}: ${report.file}\n`,
    );
  } finally {
    store.close();
  }
}

interface Written {
  file: string;
  summary: string;
  warnings: string[];
}

async function writeCoco(store: ProjectStore, out: string): Promise<Written> {
  const file = join(out, 'coco.json');
  const { coco, report } = exportCoco(store);
  await writeTextFile(file, `${JSON.stringify(coco)}\n`);
  return {
    file,
    summary: `${report.annotations} annotations on ${report.images} images`,
    warnings: report.warnings,
  };
}

async function writeTrajectories(store: ProjectStore, out: string): Promise<Written> {
  const file = join(out, 'trajectories.jsonl');
  const { jsonl, trajectories, warnings } = exportTrajectories(store);
  await writeTextFile(file, jsonl);
  return { file, summary: `${trajectories} trajectories`, warnings };
}
