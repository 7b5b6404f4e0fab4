import type { Reply, Wire } from '../../src-main/contract/bridge.ts'

/** Whether requests can be answered right now. */
export type WireStatus = 'connecting' | 'ready' | 'lost' | 'refused'

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

const firstRetryMs = 300
const longestRetryMs = 5000

/**
 * The wire of the web host: one WebSocket, opened again by itself when it closes.
 * Requests made while it is away wait for it; requests already sent when it breaks are rejected, since nobody knows whether they were done.
 */
export function createWebWire(location: Location, onStatus: (status: WireStatus) => void): Wire {
  const token = new URLSearchParams(location.hash.slice(1)).get('t') ?? ''
  const address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`
  const listeners = new Set<(name: string, payload: unknown) => void>()
  const sent = new Map<number, Waiting>()
  const queue: string[] = []
  let socket: WebSocket | null = null
  let ready = false
  let nextId = 1
  let retryMs = firstRetryMs

  function open(): void {
    const opened = new WebSocket(address)
    socket = opened
    opened.onopen = () => opened.send(JSON.stringify({ token }))
    opened.onmessage = (message) => receive(JSON.parse(String(message.data)) as Incoming)
    opened.onclose = (closing) => close(closing.code)
  }

  function receive(message: Incoming): void {
    if ('ready' in message) {
      ready = true
      retryMs = firstRetryMs
      onStatus('ready')
      for (const text of queue.splice(0)) socket?.send(text)
    } else if ('event' in message) {
      for (const listener of listeners) listener(message.event, message.payload)
    } else {
      sent.get(message.id)?.resolve(message.reply)
      sent.delete(message.id)
    }
  }

  function close(code: number): void {
    ready = false
    const waiting = new Set(queue.map((text) => (JSON.parse(text) as { id: number }).id))
    for (const [id, request] of sent) {
      if (waiting.has(id)) continue
      sent.delete(id)
      request.reject(new Error('the socket closed'))
    }
    // 1008, policy violation: the token was not accepted, and asking again cannot help.
    onStatus(code === 1008 ? 'refused' : 'lost')
    if (code === 1008) return
    setTimeout(open, retryMs)
    retryMs = Math.min(retryMs * 2, longestRetryMs)
  }

  onStatus('connecting')
  open()
  return {
    host: 'web',
    call(name, input) {
      const id = nextId++
      const text = JSON.stringify({ id, name, input })
      return new Promise<Reply>((resolve, reject) => {
        sent.set(id, { resolve, reject })
        if (ready) socket?.send(text)
        else queue.push(text)
      })
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    drop: {
      kind: 'upload',
      async upload(drop, relativePath, file) {
        const query = new URLSearchParams({ drop, path: relativePath })
        const response = await fetch(`/upload?${query}`, { method: 'POST', body: file, headers: { 'x-amalgam-token': token } })
        if (!response.ok) throw new Error(`Copying ${relativePath} was refused (${response.status}): ${await response.text()}`)
        return ((await response.json()) as { folder: string }).folder
      },
    },
  }
}

type Incoming =
  { readonly ready: true } | { readonly event: string; readonly payload: unknown } | { readonly id: number; readonly reply: Reply }
