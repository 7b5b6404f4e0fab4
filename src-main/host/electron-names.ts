/** The scheme and host under which the window's files are served. */
export const appScheme = 'app'
export const appOrigin = `${appScheme}://amalgam`

/** Requests that start with this belong to the preload script and are refused to the page. */
export const reservedPrefix = 'host.'
/** Says that a path was dropped on the window, so that the app may read it. */
export const allowDropRequest = `${reservedPrefix}allowDrop`
