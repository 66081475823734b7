import type { Interval } from '@shared/evaluation/bootstrap';
import { escapeXml } from '@shared/evaluation/charts';

/** What the pages of this folder are built of: one self-contained file, without script. */

/** Text that is markup already; everything else is escaped. */
export interface Markup {
  markup: string;
}

export function markup(text: string): Markup {
  return { markup: text };
}

export function textOf(value: string | Markup): string {
  return typeof value === 'string' ? escapeXml(value) : value.markup;
}

/** A whole page. `sections` are markup, one after the other. */
export function page(title: string, lead: Markup, sections: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeXml(title)}</title>
<style>${styles}</style>
</head>
<body>
<header><h1>${escapeXml(title)}</h1>${lead.markup}</header>
<main>
${sections.filter((section) => section !== '').join('\n')}
</main>
</body>
</html>
`;
}

export function section(heading: string, body: string, note = ''): string {
  const said = note === '' ? '' : `<p class="note">${note}</p>`;
  return `<section><h2>${escapeXml(heading)}</h2>${said}${body}</section>`;
}

/**
 * A table whose first column names its rows.
 *
 * @param numbers from which column on cells are numbers, aligned to the right
 */
export function table(
  caption: string,
  columns: readonly (string | Markup)[],
  rows: readonly (readonly (string | Markup)[])[],
  numbers = 1,
): string {
  const className = (index: number): string => (index >= numbers ? ' class="number"' : '');
  const head = columns
    .map((name, index) => `<th scope="col"${className(index)}>${textOf(name)}</th>`)
    .join('');
  const body = rows
    .map((cells) => {
      const [name = '', ...rest] = cells;
      const others = rest.map((cell, index) => `<td${className(index + 1)}>${textOf(cell)}</td>`).join('');
      return `<tr><th scope="row">${textOf(name)}</th>${others}</tr>`;
    })
    .join('');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeXml(caption)}"><table><caption>${escapeXml(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A share of 1 in percent with its interval, such as "62.1  58.0–66.3". */
export function percentCell({ value, low, high }: Interval): Markup {
  if (value === null) return markup('<span class="none">–</span>');
  const range =
    low === null || high === null ? '' : `<span class="range">${percent(low)}–${percent(high)}</span>`;
  return markup(`${percent(value)}${range}`);
}

/** A difference of shares in percentage points with its sign and interval. */
export function differenceCell({ value, low, high }: Interval): Markup {
  if (value === null || low === null || high === null) return markup('<span class="none">–</span>');
  const certain = low > 0 ? 'up' : high < 0 ? 'down' : 'unsure';
  return markup(
    `<span class="${certain}">${signed(value)}</span><span class="range">${signed(low)} to ${signed(high)}</span>`,
  );
}

export function percent(share: number): string {
  return (share * 100).toFixed(1);
}

export function signed(share: number): string {
  const text = (Math.abs(share) * 100).toFixed(1);
  return `${share > 0 && text !== '0.0' ? '+' : share < 0 && text !== '0.0' ? '−' : ''}${text}`;
}

/** The names of a chart's lines with their colours. */
export function legend(names: readonly string[]): string {
  const items = names.map(
    (name, index) => `<li><span class="swatch series-${index + 1}"></span>${escapeXml(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

export function figure(caption: string, body: string): string {
  return `<figure class="plot"><figcaption>${escapeXml(caption)}</figcaption>${body}</figure>`;
}

// The colours are those of the application's window.
const styles = `
:root{--bg:#fff;--raised:#f6f7f9;--line:#dfe1e6;--text:#16181c;--soft:#4c515a;--accent:#1d55cc;--p1:#2159d6;--p2:#c07000;--p3:#11877a;--up:#0a7858;--down:#b3331b;--hit:#0e9a58;--missed:#2f6fed;--excess:#d86a10;--ignored:#8a8a8a}
@media (prefers-color-scheme:dark){:root{--bg:#1b1c1f;--raised:#232529;--line:#34373d;--text:#e8e9ec;--soft:#a9acb4;--accent:#7fabff;--p1:#6ea8ff;--p2:#e8a33d;--p3:#4fc3b0;--up:#35bd8c;--down:#f0846c;--hit:#35bd8c;--missed:#6ea8ff;--excess:#f5953c;--ignored:#9a9a9a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:32px 24px 64px;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
h1{margin:0;font-size:26px;line-height:1.25;font-weight:650;letter-spacing:-.01em}
h2{margin:0 0 6px;font-size:18px;font-weight:650}
h3{margin:0;font-size:15px;font-weight:600;overflow-wrap:anywhere}
header p{margin:8px 0 0;color:var(--soft);overflow-wrap:anywhere}
section{margin-top:40px}
.note{margin:0 0 12px;max-width:76ch;color:var(--soft)}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 0;padding:0}
.tile{padding:14px 16px;border:1px solid var(--line);border-radius:8px;background:var(--raised)}
.tile dt{color:var(--soft);font-size:13px}
.tile dd{margin:2px 0 0;font-size:24px;font-weight:650;line-height:1.2}
.tile dd small{display:block;margin-top:2px;color:var(--soft);font-size:13px;font-weight:400}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:8px}
.scroll+.scroll{margin-top:14px}
table{width:100%;border-collapse:collapse}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:7px 14px;text-align:left;font-weight:400;vertical-align:baseline}
thead th{color:var(--soft);font-size:13px;background:var(--raised);white-space:nowrap}
tbody tr{border-top:1px solid var(--line)}
tbody th{min-width:140px;max-width:360px;overflow-wrap:anywhere}
.number{text-align:right;white-space:nowrap}
.range{display:block;color:var(--soft);font-size:12px;line-height:1.3}
.none{color:var(--soft)}
.up{color:var(--up);font-weight:600}.down{color:var(--down);font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
.plot{margin:0;padding:14px 16px 8px;border:1px solid var(--line);border-radius:8px}
.plot figcaption{font-weight:600}
.chart{display:block;width:100%;height:auto;margin-top:6px}
.chart text{fill:var(--soft);font-size:12.5px}
.chart .axis{font-size:13px}
.chart .grid{stroke:var(--line)}
.chart .bar{fill:var(--p1)}
.chart polyline{fill:none;stroke:var(--c);stroke-width:2}
.chart circle{fill:var(--c)}
.chart .whisker{fill:none;stroke:var(--c);opacity:.65}
.series-1{--c:var(--p1)}.series-2{--c:var(--p2)}.series-3{--c:var(--p3)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:6px 0 8px;padding:0;list-style:none;color:var(--soft);font-size:13px}
.swatch{display:inline-block;width:12px;height:12px;margin-right:7px;border-radius:3px;background:var(--c);vertical-align:-1px}
.swatch.hit{--c:var(--hit)}.swatch.missed{--c:var(--missed)}.swatch.excess{--c:var(--excess)}.swatch.ignored{--c:var(--ignored)}
.case{display:grid;grid-template-columns:minmax(220px,360px) minmax(0,1fr);gap:18px;margin-top:16px;padding:16px;border:1px solid var(--line);border-radius:8px}
.case img{display:block;max-width:100%;height:auto;border-radius:6px}
.case .facts{margin:4px 0 12px;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.turns{display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:14px 12px;margin:0;padding:0;list-style:none}
.turns li{min-width:0;font-size:12px;line-height:1.35}
.turns img{width:100%;max-height:180px;object-fit:contain;object-position:left;margin-bottom:5px}
.turns b{font-weight:600}
.turns span{display:block;color:var(--soft);overflow-wrap:anywhere}
.turns .invalid{color:var(--down)}
details{margin-top:14px}
summary{cursor:pointer;color:var(--accent)}
@media (max-width:720px){body{padding:20px 14px 48px}.case{grid-template-columns:minmax(0,1fr)}th,td{padding:7px 10px}tbody th{min-width:110px}}
@media print{.scroll{overflow:visible}section,.case{break-inside:avoid}}
`;
