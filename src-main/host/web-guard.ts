import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The checks that keep other pages and other machines out of the web host, which listens on the loopback address only. */
export interface WebGuard {
  /** True when the request was addressed to this server by its own name: a foreign name means a page that rebound its host name. */
  isAddressedHere(request: IncomingMessage): boolean
  /** True when the request comes from a page of this server. Browsers always say so for sockets and uploads. */
  isFromHere(request: IncomingMessage): boolean
  /** True when `token` is the one printed with the address. Takes the same time whatever is wrong with it. */
  isToken(token: unknown): boolean
}

/** The guard of a server on 127.0.0.1:`port` with this token. */
export function createWebGuard(port: number, token: string): WebGuard {
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`])
  const origins = new Set([...hosts].map((host) => `http://${host}`))
  const expected = Buffer.from(token)
  return {
    isAddressedHere: (request) => hosts.has(request.headers.host ?? ''),
    isFromHere: (request) => origins.has(request.headers.origin ?? ''),
    isToken(given) {
      if (typeof given !== 'string') return false
      const bytes = Buffer.from(given)
      return bytes.length === expected.length && timingSafeEqual(bytes, expected)
    },
  }
}
