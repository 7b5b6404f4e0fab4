import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Refusal } from '../contract/problems.ts'
import type { App } from '../ipc/app.ts'
import { maxRequestLength } from '../ipc/serve.ts'
import type { Log } from '../platform/log.ts'
import { answerStatic, securityHeaders } from './static-files.ts'
import type { Inbox } from './upload.ts'
import { createWebGuard } from './web-guard.ts'
import { serveSocket } from './web-socket.ts'

/** A running web host; `url` carries the token in its fragment, which browsers never send to a server. */
export interface WebServer {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

export interface WebServerOptions {
  readonly app: Pick<App, 'dispatch' | 'onEvent'>
  readonly inbox: Inbox
  readonly log: Log
  /** Folder of the built window. */
  readonly renderer: string
  /** 0 takes any free port. */
  readonly port: number
}

const loopback = '127.0.0.1'

/** Serves the window, its socket and its uploads on the loopback address. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { app, inbox, log, renderer } = options
  const token = randomBytes(24).toString('base64url')
  const server = createServer()
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  const guard = createWebGuard(port, token)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxRequestLength * 4 })
  const connect = [`ws://${loopback}:${port}`, `ws://localhost:${port}`]

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!guard.isAddressedHere(request)) return refuse(response, 403, 'This server answers to 127.0.0.1 only.')
    const url = urlOf(request)
    if (url === null) return refuse(response, 400, 'The address cannot be read.')
    if (url.pathname === '/upload') return upload(url, request, response)
    const { method = 'GET' } = request
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405, 'Only GET and HEAD.', { allow: 'GET, HEAD' })
    const found = await answerStatic(renderer, new Request(url, { method }), connect)
    response.writeHead(found.status, Object.fromEntries(found.headers))
    response.end(new Uint8Array(await found.arrayBuffer()))
  }

  async function upload(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return refuse(response, 405, 'Uploads are sent by POST.', { allow: 'POST' })
    const trusted = guard.isFromHere(request) && guard.isToken(request.headers['x-amalgam-token'])
    if (!trusted) return refuse(response, 403, 'The token is missing or wrong: open the address that Amalgam printed.')
    try {
      const folder = await inbox.receive(url.searchParams.get('drop') ?? '', url.searchParams.get('path') ?? '', request)
      response.writeHead(200, { ...securityHeaders(), 'content-type': 'application/json' })
      response.end(JSON.stringify({ folder }))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(response, 422, error.message, { connection: 'close' })
    }
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => log.info('a socket broke off', { error: String(error) }))
    if (urlOf(request)?.pathname !== '/socket' || !guard.isAddressedHere(request) || !guard.isFromHere(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (opened) => serveSocket(opened, app, guard, log))
  }

  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.error('the web host could not answer', { url: request.url, error: error instanceof Error ? (error.stack ?? '') : String(error) })
      if (response.headersSent) response.destroy()
      else refuse(response, 500, 'Something unexpected happened; the log says what.', { connection: 'close' })
    })
  })
  server.on('upgrade', upgrade)
  return { url: `http://${loopback}:${port}/#t=${token}`, port, close: () => closeAll(server, sockets) }
}

function urlOf(request: IncomingMessage): URL | null {
  return URL.parse(request.url ?? '/', `http://${loopback}`)
}

function refuse(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...securityHeaders(), ...headers, 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, loopback, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const client of sockets.clients) client.terminate()
  sockets.close()
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}
