import { expect, test } from 'vitest'
import { errorProblem, Refusal } from '../../../src-main/contract/problems.ts'
import { createDispatch, maxRequestLength, type Handlers } from '../../../src-main/ipc/serve.ts'
import { silentLog, type Log } from '../../../src-main/platform/log.ts'

interface Logged {
  readonly message: string
  readonly fields: unknown
}

/** A dispatcher with the handlers that a test needs; any other would throw. */
function dispatcher(handlers: Partial<Handlers>) {
  const logged: Logged[] = []
  const log: Log = { ...silentLog, error: (message, fields) => logged.push({ message, fields }) }
  return { dispatch: createDispatch(handlers as Handlers, log), logged }
}

test('a request is answered with what its handler gives, without fields the contract does not name', async () => {
  const { dispatch } = dispatcher({
    'library.stopImport': ({ id }) => ({ problems: [], extra: id }) as { problems: [] },
  })
  expect(await dispatch('library.stopImport', { id: 'a' })).toEqual({ ok: true, value: { problems: [] } })
})

test('defaults of the contract are filled in before the handler sees the input', async () => {
  const seen: unknown[] = []
  const { dispatch } = dispatcher({
    'library.ids': (query) => {
      seen.push(query)
      return []
    },
  })
  await dispatch('library.ids', { text: 'x' })
  expect(seen).toEqual([expect.objectContaining({ text: 'x', filters: [], limit: 200, sort: { column: 'name', descending: false } })])
})

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', '', 'library.lst'])('%j is not a request', async (name) => {
  const reply = await dispatcher({}).dispatch(name, {})
  expect(reply).toMatchObject({ ok: false, problems: [{ code: 'unknown-request', where: { value: JSON.stringify(name) } }] })
})

test('a name near a real one is suggested', async () => {
  expect(await dispatcher({}).dispatch('library.lst', {})).toMatchObject({ problems: [{ hint: 'Did you mean "library.list"?' }] })
})

test('bad input is refused with its field, and the handler is not called', async () => {
  let called = false
  const { dispatch } = dispatcher({
    'library.setName': () => {
      called = true
      return { problems: [] }
    },
  })
  const reply = await dispatch('library.setName', { id: 'a', name: 7 })
  expect(reply).toMatchObject({
    ok: false,
    problems: [{ code: 'request-invalid', where: { field: 'name', value: '7' }, allowed: ['string'] }],
  })
  expect(called).toBe(false)
})

test.each([
  ['nothing', undefined],
  ['a function', () => 1],
  ['a big integer', { id: 1n }],
])('%s is not JSON and is refused', async (_name, input) => {
  expect(await dispatcher({}).dispatch('app.info', input)).toMatchObject({ ok: false, problems: [{ code: 'request-invalid' }] })
})

test('a request over the size limit is refused', async () => {
  const reply = await dispatcher({}).dispatch('library.setNotes', { id: 'a', notes: 'x'.repeat(maxRequestLength) })
  expect(reply).toMatchObject({ ok: false, problems: [{ code: 'request-invalid', allowed: [`at most ${maxRequestLength} characters`] }] })
})

test('a Refusal becomes its problems', async () => {
  const problem = errorProblem('adapter-unknown', 'There is no adapter x.', { where: { value: 'x' } })
  const { dispatch, logged } = dispatcher({
    'library.get': () => {
      throw new Refusal([problem])
    },
  })
  expect(await dispatch('library.get', { id: 'x' })).toEqual({ ok: false, problems: [problem] })
  expect(logged).toEqual([])
})

test('anything else thrown is an internal problem: the window learns a reference, the log the stack', async () => {
  const { dispatch, logged } = dispatcher({
    'jobs.list': () => {
      throw new Error('secret detail')
    },
  })
  const reply = await dispatch('jobs.list', {})
  expect(reply).toMatchObject({ ok: false, problems: [{ code: 'internal' }] })
  const text = JSON.stringify(reply)
  expect(text).not.toContain('secret')
  expect(text).not.toContain('serve.test')
  const reference = /reference ([0-9a-f]{8})/.exec(text)?.[1]
  expect(logged).toEqual([
    {
      message: 'unexpected error in jobs.list',
      fields: { reference, error: expect.stringMatching(/secret detail[\s\S]*serve\.test/) as unknown },
    },
  ])
})

test('an answer that breaks the contract is an internal problem', async () => {
  const { dispatch, logged } = dispatcher({ 'app.licences': () => 5 as unknown as string })
  expect(await dispatch('app.licences', {})).toMatchObject({ ok: false, problems: [{ code: 'internal' }] })
  expect(logged).toHaveLength(1)
})
