/** Every status the window knows: a word, a shape and a colour each, so that none rests on colour alone. */
export const statusMarks = {
  ok: { word: 'ok', colour: 'ok', shape: 'disc' },
  done: { word: 'done', colour: 'ok', shape: 'disc' },
  warning: { word: 'warning', colour: 'warning', shape: 'triangle' },
  refused: { word: 'refused', colour: 'refused', shape: 'octagon' },
  error: { word: 'error', colour: 'refused', shape: 'octagon' },
  failed: { word: 'failed', colour: 'refused', shape: 'octagon' },
  missing: { word: 'missing', colour: 'warning', shape: 'dashed' },
  checking: { word: 'checking', colour: 'running', shape: 'arc' },
  running: { word: 'running', colour: 'running', shape: 'arc' },
  stopping: { word: 'stopping', colour: 'warning', shape: 'arc' },
  queued: { word: 'queued', colour: 'still', shape: 'ring' },
  cancelled: { word: 'cancelled', colour: 'still', shape: 'bar' },
  interrupted: { word: 'interrupted', colour: 'warning', shape: 'bar' },
  duplicate: { word: 'duplicate', colour: 'still', shape: 'double' },
} as const satisfies Readonly<
  Record<
    string,
    {
      word: string
      colour: 'ok' | 'warning' | 'refused' | 'running' | 'still'
      shape: 'disc' | 'triangle' | 'octagon' | 'dashed' | 'arc' | 'ring' | 'bar' | 'double'
    }
  >
>

export type StatusKind = keyof typeof statusMarks
