import { chartRules, colourRules } from './charts/chart-style.ts'

/** The page's style: light and dark as the reader has it, narrow enough to read, wide tables scroll in their own box, everything open on paper. */
export const pageStyle = `
${colourRules(':root')}
* { box-sizing: border-box; }
html { background: var(--ground); color: var(--text); }
body { font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif; max-width: 920px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 15px; font-weight: 600; color: var(--quiet); margin: 0; }
h2 { font-size: 20px; line-height: 1.3; margin: 48px 0 12px; padding-top: 16px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 28px 0 8px; }
p, ul { margin: 8px 0; max-width: 72ch; }
li { margin: 4px 0; }
a { color: var(--accent); }
h1 + .subtitle { max-width: none; }
.subtitle, .note, figcaption .note { color: var(--quiet); font-size: 13px; }
.verdict { margin: 20px 0 24px; padding: 20px 24px; border: 1px solid var(--line); border-left: 6px solid var(--accent); background: var(--sunken); }
.verdict .headline { font-size: 24px; line-height: 1.3; font-weight: 600; margin: 0 0 8px; max-width: none; }
.verdict p { max-width: none; }
.verdict .strength { color: var(--quiet); }
.remark { padding: 10px 14px; background: var(--warning); border-left: 4px solid var(--base); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 16px; max-width: none; font-size: 13px; }
figure { margin: 24px 0; }
figcaption { margin-bottom: 8px; }
figcaption strong { display: block; font-size: 16px; }
.drawing { overflow-x: auto; }
svg.chart { display: block; max-width: 100%; height: auto; }
.table { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.4; }
caption { text-align: left; color: var(--quiet); padding: 0 0 6px; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; min-width: 9ch; max-width: 60ch; }
thead th { border-bottom: 1px solid var(--quiet); font-weight: 600; }
tbody th { font-weight: 400; min-width: 14ch; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; min-width: 4ch; }
.facts td { overflow-wrap: anywhere; }
td.number { white-space: nowrap; }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--accent); font-size: 13px; }
footer { margin-top: 48px; padding-top: 12px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 13px; }
${chartRules}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav, summary { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  figure, tr, .verdict, .remark { break-inside: avoid; }
  h2, h3, figcaption, caption { break-after: avoid; }
  .table, .drawing { overflow: visible; }
}
`.trim()
