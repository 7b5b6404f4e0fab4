import { element, escapeMarkup } from './charts/svg.ts'
import type { ReportBlock, ReportDocument, ReportFigure, ReportSection, ReportTable } from './document.ts'
import { pageStyle } from './html-style.ts'

/**
 * The report as one HTML file that needs nothing else: no network, no script, no outside reference. The policy in its head forbids them too.
 * Written so that it is well-formed as XML as well, which tests check.
 */
export function renderHtml(document: ReportDocument): string {
  const { title, headline } = document
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="generator" content="Amalgam"/>
<title>${escapeMarkup(`${title}: ${headline}`)}</title>
<style>
${pageStyle}
</style>
</head>
<body>
${headOf(document)}
<main>
${document.sections.map(sectionOf).join('\n')}
</main>
<footer>Written by Amalgam from the results of the plan. This file holds everything it shows; it asks for nothing from elsewhere.</footer>
</body>
</html>
`
}

function headOf({ title, subtitle, headline, strength, statement, toDecide, sections }: ReportDocument): string {
  const entries = sections.map(({ id, title: words }) => element('li', {}, [element('a', { href: `#${id}` }, [escapeMarkup(words)])]))
  return [
    '<header>',
    element('h1', {}, [escapeMarkup(title)]),
    paragraph(subtitle, 'subtitle'),
    '<section class="verdict" aria-label="Verdict">',
    paragraph(headline, 'headline'),
    ...(statement === '' ? [] : [paragraph(statement)]),
    ...(strength === '' ? [] : [paragraph(strength, 'strength')]),
    ...(toDecide === null ? [] : [paragraph(toDecide)]),
    '</section>',
    `<nav aria-label="Contents"><ul>${entries.join('')}</ul></nav>`,
    '</header>',
  ].join('\n')
}

function sectionOf({ id, title, blocks }: ReportSection): string {
  return [
    `<section id="${escapeMarkup(id)}" aria-labelledby="${escapeMarkup(id)}-title">`,
    element('h2', { id: `${id}-title` }, [escapeMarkup(title)]),
    ...blocks.map(blockOf),
    '</section>',
  ].join('\n')
}

function blockOf(block: ReportBlock): string {
  switch (block.kind) {
    case 'text':
      return paragraph(block.text)
    case 'remark':
      return paragraph(block.text, 'remark')
    case 'heading':
      return element('h3', {}, [escapeMarkup(block.text)])
    case 'list':
      return element(
        'ul',
        {},
        block.items.map((item) => element('li', {}, [escapeMarkup(item)])),
      )
    case 'facts':
      return tableOf({ caption: block.caption, columns: [], rows: block.rows }, 'facts')
    case 'table':
      return block.folded ? folded(block.table) : tableOf(block.table)
    case 'figure':
      return figureOf(block.figure)
  }
}

function figureOf({ title, note, svg, table, tableFirst }: ReportFigure): string {
  const caption = element('figcaption', {}, [
    element('strong', {}, [escapeMarkup(title)]),
    element('span', { class: 'note' }, [escapeMarkup(note)]),
  ])
  return `<figure>\n${caption}\n<div class="drawing">${svg}</div>\n${tableFirst ? tableOf(table) : folded(table)}\n</figure>`
}

function folded(table: ReportTable): string {
  const count = table.rows.length
  return `<details><summary>${escapeMarkup(`Table: ${table.caption} (${count} ${count === 1 ? 'row' : 'rows'})`)}</summary>\n${tableOf(table)}\n</details>`
}

function tableOf({ caption, columns, rows }: ReportTable, look = ''): string {
  const head =
    columns.length === 0
      ? ''
      : `<thead><tr>${columns.map(({ label, numeric }) => `<th scope="col"${numeric ? ' class="number"' : ''}>${escapeMarkup(label)}</th>`).join('')}</tr></thead>`
  const body = rows.map((row) => {
    const cells = row.map((cell, index) => {
      const numeric = columns[index]?.numeric === true ? ' class="number"' : ''
      return index === 0 ? `<th scope="row"${numeric}>${escapeMarkup(cell)}</th>` : `<td${numeric}>${escapeMarkup(cell)}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  // A box that scrolls must be reached by keyboard.
  return `<div class="${`table ${look}`.trim()}" tabindex="0" role="region" aria-label="${escapeMarkup(caption)}"><table><caption>${escapeMarkup(caption)}</caption>${head}<tbody>${body.join('\n')}</tbody></table></div>`
}

function paragraph(text: string, look = ''): string {
  return element('p', look === '' ? {} : { class: look }, [escapeMarkup(text)])
}
