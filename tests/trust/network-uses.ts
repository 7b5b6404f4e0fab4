const modules = '(?:node:)?(?:https?|http2|net|dgram|tls|dns|inspector)(?:/promises)?|ws|undici|electron-updater'
const patterns: readonly RegExp[] = [
  new RegExp(`(?:^|\\n)\\s*(?:import|export)\\s+(?!type\\b)[^'"\`;]*?from\\s*['"](${modules})['"]`, 'g'),
  new RegExp(`(?:import|require)\\(\\s*['"\`](${modules})['"\`]`, 'g'),
  /(?<![.#\w])(fetch)\(/g,
  /new (WebSocket|EventSource|XMLHttpRequest)\(/g,
  /\.(sendBeacon)\(/g,
  /\b(net\.fetch|net\.request|autoUpdater)\b/g,
]

/** What a module's text uses that could reach another machine: names of modules and of functions, each once, in order. Types do not count. */
export function networkUses(text: string): readonly string[] {
  return [...new Set(patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!)))].sort()
}
