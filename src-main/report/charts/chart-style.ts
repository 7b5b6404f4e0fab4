/**
 * Colours of the charts, light and dark: those of the window (src-renderer/styles/tokens.css), where their contrast is tested. The variables
 * stand in the page's root, or in the drawing's own when it is a file of its own.
 */
const light = {
  ...{ ground: '#ffffff', text: '#1b1d21', quiet: '#555b66', line: '#dadde2', accent: '#1d5bbf', sunken: '#f7f8f9', warning: '#fdf4e0' },
  ...{ base: '#7f858f', own: '#33373f', one: '#0072b2', band: '#e7eaee' },
  ...{ series1: '#0072b2', series2: '#b85100', series3: '#007a59', series4: '#a64d7f', series5: '#9a6a00', series6: '#1f7fb5' },
  ...{ ramp0: '#eef4f8', ramp1: '#c6ddec', ramp2: '#93c1de', ramp3: '#559dc9', ramp4: '#1f77ad', ramp5: '#07507f' },
  ...{ onRamp0: '#1b1d21', onRamp1: '#1b1d21', onRamp2: '#1b1d21', onRamp3: '#101215', onRamp4: '#ffffff', onRamp5: '#ffffff' },
} as const

const dark: Readonly<Record<keyof typeof light, string>> = {
  ...{ ground: '#1c1d21', text: '#e4e6ea', quiet: '#a6abb6', line: '#33363d', accent: '#8ab4ff', sunken: '#17181b', warning: '#33290f' },
  ...{ base: '#8d939f', own: '#d3d6dc', one: '#56b4e9', band: '#2b2e35' },
  ...{ series1: '#56b4e9', series2: '#f07a24', series3: '#1fbf92', series4: '#cc79a7', series5: '#e69f00', series6: '#4aa8dc' },
  ...{ ramp0: '#1f2d38', ramp1: '#244459', ramp2: '#2a6080', ramp3: '#3a84ae', ramp4: '#66b1da', ramp5: '#b4dcf2' },
  ...{ onRamp0: '#e4e6ea', onRamp1: '#e4e6ea', onRamp2: '#ffffff', onRamp3: '#0b0c0e', onRamp4: '#0b0c0e', onRamp5: '#0b0c0e' },
}

/** Number of steps of the ramp of heat maps. */
export const rampSteps = 6
/** Number of colours of series; with their marks and dashes more can be told apart. */
export const seriesColours = 6

/** Declarations of the variables for one appearance. */
function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(' ')
}

/** Rules that give `selector` the colours, following the reader's appearance; print is light. */
export function colourRules(selector: string): string {
  return `${selector} { color-scheme: light dark; ${variables(light)} }
@media screen and (prefers-color-scheme: dark) { ${selector} { ${variables(dark)} } }`
}

/** How the marks of all charts look. */
export const chartRules = `
.chart { font: 12px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif; }
.chart text { fill: var(--text); }
.chart .quiet { fill: var(--quiet); }
.chart .small { font-size: 11px; }
.chart .strong { font-weight: 600; }
.chart .number { font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .axis { stroke: var(--quiet); stroke-width: 1; }
.chart .zero { stroke: var(--text); stroke-width: 1; }
.chart .baseline { stroke: var(--base); stroke-width: 1.5; stroke-dasharray: 4 3; }
.chart .leader { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 1 3; fill: none; }
.chart .margin { fill: var(--band); }
.chart .interval { stroke: var(--one); stroke-width: 2; fill: none; }
.chart .interval.base { stroke: var(--base); }
.chart .interval.own { stroke: var(--own); }
.chart .mark { fill: var(--one); stroke: var(--one); stroke-width: 1.5; }
.chart .mark.base { fill: var(--base); stroke: var(--base); }
.chart .mark.own { fill: var(--own); stroke: var(--own); }
.chart .mark.hollow { fill: var(--ground); }
.chart .step { fill: var(--one); }
.chart .step.down { fill: var(--ground); stroke: var(--one); stroke-width: 1.5; }
.chart .band { stroke: none; fill-opacity: 0.14; }
.chart .curve { fill: none; stroke-width: 2; }
${Array.from({ length: seriesColours }, (_, index) => seriesRule(index + 1)).join('\n')}
${Array.from({ length: rampSteps }, (_, step) => `.chart .ramp${step} { fill: var(--ramp${step}); } .chart text.on${step} { fill: var(--onRamp${step}); }`).join('\n')}
`.trim()

/** A drawing as a file of its own, with its colours and a ground. */
export function standaloneSvg(svg: string): string {
  const style = `<style>${colourRules('svg')}\nsvg { background: var(--ground); }\n${chartRules}</style>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.replace('</title>', `</title>${style}`)}\n`
}

function seriesRule(number: number): string {
  const colour = `var(--series${number})`
  return `.chart .band.s${number} { fill: ${colour}; } .chart .curve.s${number}, .chart .mark.s${number} { stroke: ${colour}; } .chart .mark.s${number}:not(.hollow) { fill: ${colour}; }`
}
