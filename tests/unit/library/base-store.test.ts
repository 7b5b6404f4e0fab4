import { expect, test } from 'vitest'
import { errorProblem, warningProblem } from '../../../src-main/contract/problems.ts'
import { outcomeAt, runOn, tinyBase, tinyFacts } from './run-support.ts'
import { codes, openBench } from './support.ts'

test('a base model is checked until its content is known', () => {
  const { bases } = openBench().library
  const said = warningProblem('template-missing', 'No template.')
  const { id } = bases.add(tinyBase('/models/tiny', { template: 'plain', problems: [said] }))
  const { files: _files, endTokens: _end, modules: _modules, ...facts } = tinyFacts
  expect(bases.get(id)).toEqual({
    ...facts,
    ...{ id, name: 'tiny', path: '/models/tiny', status: 'checking', contentHash: null, template: 'plain', adapters: 0, problems: [said] },
  })
  expect(bases.settle(id, 'content')).toEqual({ id })
  expect(bases.get(id)).toMatchObject({ status: 'ok', contentHash: 'content' })
  expect(bases.facts(id)).toEqual(tinyFacts)
  expect([bases.get('nobody'), bases.facts('nobody')]).toEqual([null, null])
})

test('one that cannot be used is listed with its problems', () => {
  const { bases } = openBench().library
  const problem = errorProblem('architecture-unknown', 'GptNeoX is not supported.')
  const { id } = bases.add(tinyBase('/models/neox', { facts: null, problems: [problem] }))
  expect(bases.list()).toMatchObject([{ id, status: 'refused', family: '', parameters: 0, memory: [], problems: [problem] }])
  expect(bases.matches(id)).toEqual({ fitting: [], others: [] })
  // Away and back it is still refused.
  bases.setMissing(id, true)
  expect(bases.get(id)!.status).toBe('missing')
  bases.setMissing(id, false)
  expect(bases.get(id)!.status).toBe('refused')
  bases.replace(id, tinyBase('/models/neox'), 'checking')
  expect(bases.get(id)).toMatchObject({ status: 'checking', problems: [], family: 'llama' })
})

test('a base model is found by id, path and unique name', () => {
  const { bases } = openBench().library
  const one = bases.add(tinyBase('/models/tiny'))
  const two = bases.add(tinyBase('/models/other', { name: 'Other' }))
  const three = bases.add(tinyBase('/copies/other', { name: 'Other' }))
  expect(bases.find(one.id)).toEqual(one)
  expect(bases.find('/models/other')).toEqual(two)
  expect(bases.find('other', '/copies')).toEqual(three)
  expect(bases.find(' TINY ')).toEqual(one)
  expect(bases.find('Other', '/nowhere')).toMatchObject({ code: 'base-ambiguous', allowed: [two.id, three.id] })
  expect(bases.find('tinny', '/nowhere')).toMatchObject({ code: 'base-unknown', hint: 'Did you mean "tiny"?', allowed: ['Other', 'tiny'] })
  expect(bases.find('./x', '/models')).toMatchObject({ code: 'base-unknown', where: { value: '/models/x' } })
  expect(codes(bases.rename(two.id, 'Second'))).toEqual([])
  expect(bases.find('Other', '/nowhere')).toEqual(three)
  expect(codes(bases.rename('nobody', 'x'))).toEqual(['base-unknown'])
  expect(codes(bases.remove('nobody'))).toEqual(['base-unknown'])
  expect(bases.remove(three.id)).toEqual([])
  expect(bases.list().map(({ name }) => name)).toEqual(['tiny', 'Second'])
})

test('equal content is one base model: the older one stays, with its results', () => {
  const { bases, runs } = openBench().library
  const old = bases.add(tinyBase('/models/tiny'))
  bases.settle(old.id, 'content')
  const run = runs.begin(runOn(old.id, 'colours'))
  runs.addOutcomes(run.id, [outcomeAt(0, true)])

  // Added from another folder while it is there: it stays where it is.
  const copy = bases.add(tinyBase('/copies/tiny'))
  expect(bases.settle(copy.id, 'content')).toEqual(old)
  expect(bases.list()).toMatchObject([{ id: old.id, path: '/models/tiny', status: 'ok' }])

  // Added from another folder when it was missing: it has moved.
  bases.setMissing(old.id, true)
  const moved = bases.add(tinyBase('/moved/tiny', { stamp: 'two' }))
  expect(bases.settle(moved.id, 'content')).toEqual(old)
  expect(bases.list()).toMatchObject([{ id: old.id, path: '/moved/tiny', status: 'ok', contentHash: 'content' }])
  expect(bases.atPath('/moved/tiny')).toMatchObject({ id: old.id, stamp: 'two' })
  expect(runs.get(run.id)).toMatchObject({ baseId: old.id, done: 1 })

  // One that was removed while it was hashed changes nothing.
  const gone = bases.add(tinyBase('/gone'))
  bases.remove(gone.id)
  expect(bases.settle(gone.id, 'content')).toEqual(gone)
  expect(bases.list()).toHaveLength(1)
})

test('of two rows with one path the one that is there counts', () => {
  const { bases } = openBench().library
  const before = bases.add(tinyBase('/models/tiny'))
  bases.settle(before.id, 'before')
  bases.setMissing(before.id, true)
  const after = bases.add(tinyBase('/models/tiny', { stamp: 'two' }))
  expect(bases.atPath('/models/tiny')).toEqual({ id: after.id, path: '/models/tiny', status: 'checking', stamp: 'two' })
  expect(bases.find('/models/tiny')).toEqual(after)
  expect(bases.atPath('/models')).toBeNull()
})
