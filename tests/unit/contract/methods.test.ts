import { expect, test } from 'vitest'
import { findMethod, identityIds, methodIds, methodOf, methods, type MethodEntry } from '../../../src-main/contract/methods.ts'
import { checkParams, defaultsOf } from '../../../src-main/contract/params.ts'

const entries: readonly MethodEntry[] = methods

test('ids are unique, in snake_case, and found', () => {
  expect(methodIds).toEqual(['concat', 'linear', 'average', 'peft_linear', 'lorahub', 'ties', 'lego'])
  expect(new Set(methodIds).size).toBe(methodIds.length)
  for (const id of methodIds) {
    expect(id).toMatch(/^[a-z][a-z0-9_]*$/)
    expect(methodOf(id).id).toBe(id)
  }
  expect(findMethod('nothing')).toBeUndefined()
})

test('every entry makes a claim about every identity, once, and explains those that do not hold', () => {
  for (const { identities } of entries) {
    expect(identities.map((identity) => identity.id).sort()).toEqual([...identityIds].sort())
    for (const identity of identities.filter((one) => !one.holds)) expect(identity.note).toMatch(/\w+ \w+/)
  }
})

test('every text that is shown is there', () => {
  for (const entry of entries) {
    for (const text of [entry.label, entry.reference, entry.formula, entry.summary]) expect(text.trim().length).toBeGreaterThan(5)
  }
})

test('defaults pass their own check, and parameter ids are unique within a level', () => {
  for (const { params } of entries) {
    for (const per of ['recipe', 'adapter'] as const) {
      expect(checkParams(params, defaultsOf(params, per), per, 'params').problems).toEqual([])
      const ids = params.filter((spec) => spec.per === per).map((spec) => spec.id)
      expect(new Set(ids).size).toBe(ids.length)
    }
  }
})

test('facts that depend on one another agree', () => {
  for (const entry of entries) {
    expect(entry.inputs.min).toBeGreaterThan(0)
    if (entry.outputRank === 'common') expect(entry.needs.equalRanks).toBe(true)
    if (entry.actsOn === 'factors') expect(entry.identities.find((identity) => identity.id === 'gauge')?.holds).toBe(false)
    if (!entry.coefficients) expect(entry.tuning).toBe('none')
  }
})
