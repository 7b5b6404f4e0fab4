/**
 * Amalgam's own icons: stroked paths on a 16 x 16 grid, 1.5 px lines, round ends. `fill` names those that are filled instead.
 * Adding one is one line.
 */
export const icons = {
  library: 'M2.75 3.25v9.5M5.75 3.25v9.5M8.5 3.6l3 9.1M2.75 3.25h3M2.75 12.75h3M8.5 3.6l2.7-.85 3 9.1-2.7.85',
  merge: 'M3 2.75v1.5c0 2.5 5 2.5 5 5v4M13 2.75v1.5c0 2.5-5 2.5-5 5M5.75 11l2.25 2.25L10.25 11',
  jobs: 'M2.75 4h1.5M2.75 8h1.5M2.75 12h1.5M6.75 4h6.5M6.75 8h6.5M6.75 12h4',
  settings:
    'M2.75 4.75h6M12 4.75h1.25M2.75 11.25H4M7.25 11.25h6M10.4 3.1a1.65 1.65 0 1 1 0 3.3a1.65 1.65 0 1 1 0-3.3M5.6 9.6a1.65 1.65 0 1 1 0 3.3a1.65 1.65 0 1 1 0-3.3',
  search: 'M7 2.75a4.25 4.25 0 1 1 0 8.5a4.25 4.25 0 1 1 0-8.5M10.2 10.2l3.05 3.05',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3.25v9.5M3.25 8h9.5',
  minus: 'M3.25 8h9.5',
  folder: 'M2.25 4.5v7.75h11.5V5.5H7.75L6.25 3.75h-4z',
  file: 'M4 2.25h5l3 3v8.5H4zM9 2.25v3h3',
  star: 'M8 2.4l1.7 3.55 3.9.5-2.85 2.7.7 3.85L8 11.1 4.55 13l.7-3.85L2.4 6.45l3.9-.5z',
  starFilled: 'M8 2.4l1.7 3.55 3.9.5-2.85 2.7.7 3.85L8 11.1 4.55 13l.7-3.85L2.4 6.45l3.9-.5z',
  tag: 'M2.75 2.75h4.75l5.75 5.75-4.75 4.75-5.75-5.75zM5.5 5.5h.01',
  export: 'M8 9.75v-7M5.25 5.25L8 2.5l2.75 2.75M2.75 9.25v4h10.5v-4',
  import: 'M8 2.75v7M5.25 7.25L8 10l2.75-2.75M2.75 9.25v4h10.5v-4',
  download: 'M8 2.75v7.5M4.75 7.25L8 10.5l3.25-3.25M3.25 13.25h9.5',
  trash: 'M2.75 4.25h10.5M6 4V2.5h4V4M4.25 4.5l.5 9h6.5l.5-9M6.75 7v4M9.25 7v4',
  copy: 'M5.75 5.75h7.5v7.5h-7.5zM10.25 5.5V2.75h-7.5v7.5H5.5',
  reveal: 'M2.25 12.25V4.5h4l1.5 1.5h5v1.5M2.25 12.25l2-4.75h10l-2 4.75z',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  columns: 'M2.75 3.25h10.5v9.5H2.75zM6.25 3.25v9.5M9.75 3.25v9.5',
  panel: 'M2.25 3.25h11.5v9.5H2.25zM9.75 3.25v9.5',
  chevronRight: 'M6.25 3.75L10.5 8l-4.25 4.25',
  chevronLeft: 'M9.75 3.75L5.5 8l4.25 4.25',
  chevronDown: 'M3.75 6.25L8 10.5l4.25-4.25',
  chevronUp: 'M3.75 9.75L8 5.5l4.25 4.25',
  arrowUp: 'M8 12.75v-9.5M4.5 6.75L8 3.25l3.5 3.5',
  arrowDown: 'M8 3.25v9.5M4.5 9.25L8 12.75l3.5-3.5',
  check: 'M3.25 8.5l3.25 3.25 6.25-7.5',
  info: 'M8 2.25a5.75 5.75 0 1 1 0 11.5a5.75 5.75 0 1 1 0-11.5M8 7.5v3.5M8 5h.01',
  help: 'M8 2.25a5.75 5.75 0 1 1 0 11.5a5.75 5.75 0 1 1 0-11.5M6.25 6.5c0-2.3 3.5-2.3 3.5 0 0 1.25-1.75 1.25-1.75 2.5M8 11.25h.01',
  table: 'M2.75 3.25h10.5v9.5H2.75zM2.75 6.5h10.5M2.75 9.75h10.5M7 6.5v6.25',
  chart: 'M2.75 2.75v10.5h10.5M5.5 10.5v-3M8.25 10.5V4.75M11 10.5V8',
  stop: 'M4 4h8v8H4z',
  play: 'M5 3.25l7.5 4.75L5 12.75z',
  retry: 'M12.75 8a4.75 4.75 0 1 1-1.4-3.35M12.9 2.5v2.75h-2.75',
  edit: 'M3 13l.6-2.9 7.2-7.2 2.3 2.3-7.2 7.2zM9.4 4.3l2.3 2.3',
  lineage: 'M4 3v7.25M4 10.25a1.5 1.5 0 1 1 0 3a1.5 1.5 0 1 1 0-3M12 2.75a1.5 1.5 0 1 1 0 3a1.5 1.5 0 1 1 0-3M12 5.75c0 3-8 1.75-8 4.5',
  demo: 'M6 2.5h4M6.75 2.5v4L3 13.25h10L9.25 6.5v-4M4.9 9.75h6.2',
  duplicate: 'M3 5.5h7.5V13H3zM5.5 5.25V3H13v7.5h-2.25',
  keyboard: 'M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M12 7h.01M5 9.25h6',
  device:
    'M4.5 4.5h7v7h-7zM6.25 2.25V4.5M9.75 2.25V4.5M6.25 11.5v2.25M9.75 11.5v2.25M2.25 6.25H4.5M2.25 9.75H4.5M11.5 6.25h2.25M11.5 9.75h2.25',
  lock: 'M4 7.25h8v6H4zM5.75 7V5a2.25 2.25 0 0 1 4.5 0v2',
  lockOpen: 'M4 7.25h8v6H4zM5.75 7V5a2.25 2.25 0 0 1 4.3-.9',
  sliders: 'M2.75 4.75h6M12 4.75h1.25M2.75 11.25H4M7.25 11.25h6M10.4 3.1v3.3M5.6 9.6v3.3',
  list: 'M5.5 4h7.75M5.5 8h7.75M5.5 12h7.75M2.75 4h.01M2.75 8h.01M2.75 12h.01',
} as const satisfies Readonly<Record<string, string>>

export type IconName = keyof typeof icons

/** Icons whose shape is filled, not stroked. */
export const filledIcons: ReadonlySet<IconName> = new Set<IconName>(['starFilled', 'stop', 'play'])
