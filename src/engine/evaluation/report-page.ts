import { escapeXml, histogramChart, lineChart } from '@shared/evaluation/charts';
import type { Sample } from '@shared/evaluation/sample';
import type { ProtocolSummary, Summary } from '@shared/evaluation/summary';
import { protocols } from '@shared/mask/metrics';
import type { Case, CaseTurn } from './cases';
import { figure, legend, type Markup, markup, page, percent, percentCell, section, table } from './page';
import type { EvaluationReport } from './report';

const intervalNote = 'Percent. Below each value: its 95 % bootstrap interval, drawn by samples.';
/** So many failed or skipped entries are listed; all of them are in the files. */
const listed = 50;

/** The report as one self-contained page. */
export function reportPage(
  report: EvaluationReport,
  samples: readonly Sample[],
  cases: readonly Case[],
): string {
  const { dataset } = report;
  const where = dataset.split === null ? dataset.name : `${dataset.name}, ${dataset.split}`;
  return page(`Evaluation on ${where}`, lead(report), [
    tiles(report),
    section('Both protocols', protocolTable(report), protocolNote(report)),
    section('Quality and cost', qualityTable(report)),
    parts(
      'By split',
      report.splits.map((part) => [part.split, part]),
    ),
    parts(
      'By group',
      report.groups.map((part) => [part.group, part]),
    ),
    budgets(report),
    plots(report),
    worst(cases),
    failures(samples, report),
    published(report),
  ]);
}

function lead({ settings, application }: EvaluationReport): Markup {
  const facts = [
    `policy ${settings.policy}`,
    `segmenter ${settings.segmenter}`,
    `${settings.turns} turns`,
    `coordinates ${settings.coordinates}`,
    `seed ${settings.seed}`,
    `${application.name} ${application.version}`,
  ];
  return markup(`<p>${escapeXml(facts.join(' · '))}</p>`);
}

function tiles(report: EvaluationReport): string {
  const { lisa } = report.protocols;
  const tile = (name: string, value: string, more: string): string =>
    `<div class="tile"><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}<small>${escapeXml(more)}</small></dd></div>`;
  const measured = (name: string, { value, low, high }: ProtocolSummary['gIoU']): string =>
    value === null
      ? tile(name, '–', 'no samples')
      : tile(name, percent(value), `${percent(low ?? value)}–${percent(high ?? value)}`);
  const { n, failed, turns, invalid_calls: invalid, ms } = report;
  return `<dl class="tiles">${[
    measured('gIoU (lisa)', lisa.gIoU),
    measured('cIoU (lisa)', lisa.cIoU),
    tile('Samples', String(n), failed === 0 ? 'none failed' : `${failed} failed`),
    tile('Turns a sample', decimal(turns.mean), `${invalid.total} invalid calls`),
    tile('Time a sample', duration(ms.median), 'median, policy and environment'),
  ].join('')}</dl>`;
}

function protocolTable(report: EvaluationReport): string {
  return table(
    'Both protocols',
    ['Protocol', 'Rows', 'gIoU', 'cIoU', 'gIoU, one shot', 'cIoU, one shot'],
    protocols.map((protocol) => {
      const answer = report.protocols[protocol];
      const first = report.one_shot[protocol];
      return [
        protocol,
        String(answer.n),
        ...[answer.gIoU, answer.cIoU, first.gIoU, first.cIoU].map(percentCell),
      ];
    }),
  );
}

function protocolNote({ protocols: { lisa, segzero } }: EvaluationReport): string {
  const rows = lisa.n === segzero.n ? '' : ' segzero counts the first sentence of each referent.';
  return `${intervalNote} One shot: had the first segmentation call been the answer. lisa leaves ignored pixels out and counts 1 where nothing is to be found and nothing was; segzero has ignored pixels in its ground truth and counts 0 there.${rows}`;
}

function qualityTable({ precision, dice, boundary_f, turns, invalid_calls, ms, tokens }: Summary): string {
  const rows: (readonly [string, string | Markup])[] = [
    ['IoU at least 0.5', percentCell(precision['0.5'])],
    ['IoU at least 0.7', percentCell(precision['0.7'])],
    ['IoU at least 0.9', percentCell(precision['0.9'])],
    ['Dice', percentCell(dice)],
    ['Boundary F', percentCell(boundary_f)],
    ['Turns: mean, in all', `${decimal(turns.mean)}, ${turns.total}`],
    ['Invalid calls: mean, in all', `${decimal(invalid_calls.mean)}, ${invalid_calls.total}`],
    ['Time: median, in all', `${duration(ms.median)}, ${duration(ms.total)}`],
    [
      'Tokens: prompt, of it cached, answer',
      tokens === null
        ? 'the policy tells none'
        : [tokens.prompt, tokens.cached, tokens.completion].map((count) => grouped(count)).join(', '),
    ],
  ];
  return table('Quality and cost', ['', ''], rows).replace(/<thead>.*?<\/thead>/, '');
}

function parts(heading: string, rows: readonly (readonly [string, Summary])[]): string {
  // A single part is all of it.
  if (rows.length < 2) return '';
  return section(heading, summaryTable(heading, heading.replace('By ', ''), rows), intervalNote);
}

function summaryTable(caption: string, first: string, rows: readonly (readonly [string, Summary])[]): string {
  return table(
    caption,
    [first, 'Samples', 'gIoU lisa', 'cIoU lisa', 'gIoU segzero', 'cIoU segzero', 'IoU ≥ 0.5', 'Turns'],
    rows.map(([name, summary]) => {
      const { lisa, segzero } = summary.protocols;
      return [
        name,
        String(summary.n),
        ...[lisa.gIoU, lisa.cIoU, segzero.gIoU, segzero.cIoU, summary.precision['0.5']].map(percentCell),
        decimal(summary.turns.mean),
      ];
    }),
  );
}

function budgets({ budgets: list }: EvaluationReport): string {
  if (list.length === 0) return '';
  const note = `${intervalNote} Each budget has episodes of its own: a policy knows how many turns are left and may act by it.`;
  const rows = list.map((part) => [String(part.budget), part] as const);
  return section('By turn budget', summaryTable('By turn budget', 'turns', rows), note);
}

function plots(report: EvaluationReport): string {
  const figures = [
    figure(
      'How many samples have which IoU',
      histogramChart(report.iou_histogram, {
        title: `Histogram of the IoU of ${report.n} samples`,
        x: 'IoU',
        y: 'samples',
      }),
    ),
  ];
  if (report.iou_by_turn.length > 1) {
    const points = report.iou_by_turn.map((y, index) => ({ x: index + 1, y }));
    figures.push(
      figure(
        'Mean IoU after each turn',
        lineChart([{ name: 'mean IoU', points }], {
          title: `Mean IoU by turn, from ${points[0]?.y.toFixed(3)} to ${points.at(-1)?.y.toFixed(3)}`,
          x: 'turn (an episode that ended keeps its answer)',
          y: 'mean IoU',
        }),
      ),
    );
  }
  if (report.budgets.length > 1) {
    const series = protocols.map((protocol) => ({
      name: protocol,
      points: report.budgets.map(({ budget, protocols: { [protocol]: summary } }) => ({
        x: budget,
        y: summary.gIoU.value ?? 0,
        low: summary.gIoU.low,
        high: summary.gIoU.high,
      })),
    }));
    const chart = lineChart(series, {
      title: 'gIoU by turn budget, with 95 % intervals',
      x: 'turn budget',
      y: 'gIoU',
    });
    figures.push(figure('gIoU by turn budget', `${chart}${legend([...protocols])}`));
  }
  return section('Plots', `<div class="plots">${figures.join('')}</div>`);
}

function worst(cases: readonly Case[]): string {
  if (cases.length === 0) return '';
  const colors = [
    ['hit', 'found'],
    ['missed', 'missed'],
    ['excess', 'too much'],
    ['ignored', 'does not count'],
  ].map(([name, words]) => `<li><span class="swatch ${name}"></span>${words}</li>`);
  const body = `<ul class="legend">${colors.join('')}</ul>${cases.map(caseArticle).join('')}`;
  return section(
    'Worst cases',
    body,
    'Answer against ground truth, and what the policy saw after each turn.',
  );
}

function caseArticle({ sample, picture, width, height, turns }: Case): string {
  const facts = [
    sample.id,
    sample.image,
    `IoU ${sample.iou.toFixed(3)}`,
    `${sample.gt_area} px to be found`,
    ...(sample.ignore_area > 0 ? [`${sample.ignore_area} px ignored`] : []),
    sample.status ?? '',
  ];
  const alt = `Answer to “${sample.query}” against the ground truth, IoU ${sample.iou.toFixed(3)}`;
  return `<article class="case"><div><img src="${picture}" width="${width}" height="${height}" alt="${escapeXml(alt)}"></div><div><h3>${escapeXml(sample.query)}</h3><p class="facts">${escapeXml(facts.join(' · '))}</p><ol class="turns">${turns.map(turnItem).join('')}</ol></div></article>`;
}

function turnItem(turn: CaseTurn, index: number): string {
  const iou = turn.iou === null ? '' : `, IoU ${turn.iou.toFixed(2)}`;
  const invalid =
    turn.invalid === null ? '' : `<span class="invalid">invalid: ${escapeXml(turn.invalid)}</span>`;
  const thought = turn.thought === '' ? '' : `<span>${escapeXml(shortened(turn.thought))}</span>`;
  return `<li><img src="${turn.picture}" alt="View after turn ${index + 1}"><b>${index + 1}</b>${iou}<span>${escapeXml(turn.call)}</span>${invalid}${thought}</li>`;
}

function failures(samples: readonly Sample[], { skipped }: EvaluationReport): string {
  const failed = samples.filter(({ error }) => error !== null);
  const lists: string[] = [];
  if (failed.length > 0) {
    const rows = failed.slice(0, listed).map(({ id, query, error }) => [id, query, error ?? '']);
    lists.push(table('Failed samples', ['Failed', 'Query', 'Why'], rows, 3));
  }
  if (skipped.length > 0) {
    const rows = skipped.slice(0, listed).map(({ item, reason }) => [item, reason]);
    lists.push(table('Skipped entries', ['Skipped', 'Why'], rows, 2));
  }
  if (lists.length === 0) return '';
  const more = Math.max(failed.length, skipped.length) > listed ? ` The first ${listed} are listed.` : '';
  return section(
    'Failed and skipped',
    lists.join(''),
    `${failed.length} samples failed and count as misses; ${skipped.length} entries could not be used and do not count.${more}`,
  );
}

function published({ published: { on, results }, dataset }: EvaluationReport): string {
  const rows = results.map(({ method, gIoU, cIoU }) => [
    method,
    gIoU.toFixed(1),
    cIoU === null ? '–' : cIoU.toFixed(1),
  ]);
  const list = table(`Published on ${on}`, ['Method', 'gIoU', 'cIoU'], rows);
  const note = `Numbers as published by others on ${on}, in percent. Nothing of this table was measured here${
    dataset.kind === 'reasonseg' ? '' : ', and the data above are other data: the two are not to be compared'
  }.`;
  const body =
    dataset.kind === 'reasonseg'
      ? list
      : `<details><summary>Show the published numbers</summary>${list}</details>`;
  return section('Published results', body, note);
}

function shortened(text: string): string {
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

function decimal(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function duration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
