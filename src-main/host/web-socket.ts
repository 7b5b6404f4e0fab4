import type { WebSocket } from 'ws'
import type { App } from '../ipc/app.ts'
import type { Log } from '../platform/log.ts'
import type { WebGuard } from './web-guard.ts'

/** How long a new socket has to send its token, in milliseconds. */
const tokenTimeoutMs = 5_000
/** Time between two signs of life asked of a socket; one that gave none in between is closed. */
const heartbeatMs = 30_000
/** A socket that lets this much pile up has stopped reading and is closed, in bytes. */
const maxBufferedBytes = 64_000_000
/** Close code of the protocol for a broken rule; the window then stops trying to connect. */
const policyViolation = 1008

/**
 * Speaks the wire's protocol over one socket until it closes: `{token}` is answered by `{ready: true}`, each `{id, name, input}` by `{id, reply}`,
 * and every event is sent as `{event, payload}`.
 */
export function serveSocket(socket: WebSocket, app: Pick<App, 'dispatch' | 'onEvent'>, guard: WebGuard, log: Log): void {
  let stopEvents: (() => void) | undefined
  let alive = true

  const tokenTimer = setTimeout(() => socket.close(policyViolation, 'no token'), tokenTimeoutMs)
  const heartbeat = setInterval(() => {
    if (!alive || socket.bufferedAmount > maxBufferedBytes) return socket.terminate()
    alive = false
    socket.ping()
  }, heartbeatMs)

  function send(message: object): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }

  function welcome(message: Readonly<Record<string, unknown>>): void {
    if (!guard.isToken(message['token'])) return socket.close(policyViolation, 'wrong token')
    clearTimeout(tokenTimer)
    stopEvents = app.onEvent((event, payload) => send({ event, payload }))
    send({ ready: true })
  }

  async function answer(message: Readonly<Record<string, unknown>>): Promise<void> {
    const { id, name, input } = message
    if (typeof id !== 'number' || typeof name !== 'string') return socket.close(policyViolation, 'not a request')
    send({ id, reply: await app.dispatch(name, input) })
  }

  socket.on('pong', () => (alive = true))
  socket.on('message', (data, isBinary) => {
    alive = true
    const message = isBinary ? null : parseObject(String(data))
    if (message === null) return socket.close(policyViolation, 'not a message')
    if (!stopEvents) return welcome(message)
    answer(message).catch((error: unknown) => log.error('a reply could not be sent', { error: String(error) }))
  })
  socket.on('error', (error) => log.info('a socket broke off', { error: String(error) }))
  socket.on('close', () => {
    clearTimeout(tokenTimer)
    clearInterval(heartbeat)
    stopEvents?.()
  })
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
