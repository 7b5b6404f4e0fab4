import { errorProblem, type Problem } from '../contract/problems.ts'
import type { HeaderMemo } from './header-memo.ts'
import { maxHeaderBytes, parseHeader, type HeaderTensor } from './parse-header.ts'
import { fileChanged, readFully, withFile, type OpenFile, type Stamp } from './read-file.ts'

/** The header of a weights file and what is known of the file itself. */
export interface WeightsHeader {
  readonly tensors: readonly HeaderTensor[]
  /** Position of the first byte after the header. */
  readonly dataBegin: number
  readonly sizeBytes: number
  readonly stamp: Stamp
}

const lengthBytes = 8
/** One read that holds the whole header of most adapters (448 tensors take about 60 kB). */
const firstReadBytes = 128 * 1024

/** Reads and checks the header of `path`, and nothing behind it. Problems carry the path. */
export function readHeader(path: string, memo?: HeaderMemo): WeightsHeader | Problem {
  const header = withFile(path, (file) => readOpenHeader(file, memo))
  return 'code' in header ? { ...header, where: { ...header.where, path } } : header
}

/** The same of a file that is already open; problems carry no path. */
export function readOpenHeader(file: OpenFile, memo?: HeaderMemo): WeightsHeader | Problem {
  const { handle, sizeBytes, stamp } = file
  if (sizeBytes < lengthBytes)
    return errorProblem('file-too-small', `The file has ${sizeBytes} bytes; the length of the header alone takes ${lengthBytes}.`, {
      hint: 'The file is incomplete: download it again.',
    })
  const firstRead = Buffer.allocUnsafe(Math.min(firstReadBytes, sizeBytes))
  const headStart = readFully(handle, firstRead, firstRead.length, 0)
  if (headStart < lengthBytes) return fileChanged()
  const headerBytes = firstRead.readBigUInt64LE(0)
  if (headerBytes > BigInt(Math.min(maxHeaderBytes, sizeBytes - lengthBytes)))
    return errorProblem('header-too-long', `The header claims ${headerBytes} bytes; the file has ${sizeBytes}, and the limit is 100 MB.`, {
      hint: 'The file is incomplete, or no safetensors file: download it again.',
    })
  const dataBegin = lengthBytes + Number(headerBytes)
  const bytes = dataBegin <= headStart ? firstRead.subarray(lengthBytes, dataBegin) : readRest(handle, dataBegin)
  if (bytes === null) return fileChanged()
  const dataBytes = sizeBytes - dataBegin
  const parse = () => parseHeader(bytes, dataBytes)
  const tensors = memo ? memo.tensors(bytes, dataBytes, parse) : parse()
  return 'code' in tensors ? tensors : { tensors, dataBegin, sizeBytes, stamp }
}

function readRest(handle: number, dataBegin: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(dataBegin - lengthBytes)
  return readFully(handle, bytes, bytes.length, lengthBytes) === bytes.length ? bytes : null
}
