/** Entry of the worker threads that look through folders, read headers and hash files, so that the main thread never waits for a disk. */
import { parentPort } from 'node:worker_threads'
import { hashFile } from './hash-file.ts'
import { createHeaderMemo } from './header-memo.ts'
import { listingOf } from './listing.ts'
import { readAdapter } from './read-adapter.ts'
import { currentStamp } from './read-stamp.ts'
import { scanFolders, type ScanEvent } from './scan-folders.ts'
import { writeBack } from './write-back.ts'
import type { ReadRequest, ReadResult, TaskKind, TaskMessage, TaskReply, Tasks } from './worker-protocol.ts'

type Handler<K extends TaskKind> = (
  input: Tasks[K]['input'],
  stopped: () => boolean,
  tell: (part: Tasks[K]['part']) => void,
) => Tasks[K]['output']

const memo = createHeaderMemo()

/** Found folders are told in bundles: large enough to be cheap, small enough that the first rows come at once. */
const bundleSize = 16

const handlers: { readonly [K in TaskKind]: Handler<K> } = {
  scan(paths, stopped, tell) {
    let bundle: ScanEvent[] = []
    const flush = () => {
      if (bundle.length > 0) tell(bundle)
      bundle = []
    }
    scanFolders(paths, (event) => void (bundle.push(event) >= bundleSize && flush()), stopped)
    flush()
    return null
  },
  read: (requests, stopped) => requests.flatMap((request) => (stopped() ? [] : [readOne(request)])),
  hash: ({ path, stamp, part }, stopped) => hashFile(path, stamp, part, stopped),
  writeBack(file) {
    writeBack(file)
    return null
  },
  stamp: (folders) => folders.map(currentStamp),
}

function readOne({ folder, known }: ReadRequest): ReadResult {
  try {
    if (known !== null && currentStamp(folder) === known) return { kind: 'unchanged', folder, stamp: known }
    return { kind: 'listing', folder, listing: listingOf(readAdapter(folder, memo), memo) }
  } catch (error) {
    return { kind: 'failed', folder, reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

function run<K extends TaskKind>({ task, kind, input, stop }: TaskMessage<K>, reply: (reply: TaskReply) => void): void {
  const flag = new Uint8Array(stop)
  try {
    reply({
      task,
      output: handlers[kind](
        input,
        () => Atomics.load(flag, 0) === 1,
        (part) => reply({ task, part }),
      ),
    })
  } catch (error) {
    reply({ task, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

const port = parentPort
if (!port) throw new Error('read-worker runs in a worker thread only')
port.on('message', (message: TaskMessage) => run(message, (reply) => port.postMessage(reply)))
