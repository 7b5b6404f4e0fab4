import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isInside } from './path-access.ts'

/** What the window is made of; anything else in its folder is not served. */
const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** The content security policy of the window. `connect` names what it may talk to besides its own origin (the web host's socket). */
export function contentSecurityPolicy(connect: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    ['connect-src', "'self'", ...connect].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Headers of every answer that carries the window's policy. */
export function securityHeaders(connect: readonly string[] = []): Readonly<Record<string, string>> {
  return {
    'content-security-policy': contentSecurityPolicy(connect),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  }
}

/**
 * Answers a request for a file of the window from `folder`, for the app scheme and for the web host alike. GET and HEAD only; the path is decoded
 * once and must stay inside the folder; kinds of files without a content type above are not found.
 */
export async function answerStatic(folder: string, request: Request, connect: readonly string[] = []): Promise<Response> {
  const headers = securityHeaders(connect)
  const refuse = (status: number): Response => new Response(null, { status, headers })
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { ...headers, allow: 'GET, HEAD' } })
  const path = pathInFolder(folder, new URL(request.url).pathname)
  if (path === null) return refuse(403)
  const contentType = contentTypes[extname(path)]
  if (contentType === undefined) return refuse(404)
  try {
    const bytes = await readFile(path)
    const body = request.method === 'HEAD' ? null : bytes
    return new Response(body, { headers: { ...headers, 'content-type': contentType, 'content-length': String(bytes.byteLength) } })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return refuse(404)
    throw error
  }
}

/** The file that a URL's path names, or null when it is not a path inside `folder`. */
function pathInFolder(folder: string, pathname: string): string | null {
  let decoded: string
  try {
    decoded = decodeURIComponent(pathname)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return null
  const path = join(folder, decoded === '/' ? 'index.html' : decoded)
  return isInside(folder, path) ? path : null
}
