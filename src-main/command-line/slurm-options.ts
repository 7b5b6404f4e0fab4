import type { SlurmOptions } from '../cluster/slurm-script.ts'
import { errorProblem, type Problem } from '../contract/problems.ts'
import type { Arguments } from './command.ts'

/** The options of `plan submit` as Slurm takes them, or which cannot be. */
export function slurmOptions(given: Arguments): { readonly options: SlurmOptions; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const word = (name: string): string | undefined => {
    const value = given.value(name)
    if (value === undefined || /^[^\s'"\\]+$/.test(value)) return value
    problems.push(wrong(name, value, 'one word'))
    return undefined
  }
  const count = (name: string): number | undefined => {
    const value = given.value(name)
    if (value === undefined || /^[1-9]\d{0,5}$/.test(value)) return value === undefined ? undefined : Number(value)
    problems.push(wrong(name, value, 'a whole number from 1 on'))
    return undefined
  }
  const extra = given.values('sbatch-arg').filter((value) => {
    const isOption = /^--?[A-Za-z][^\r\n]*$/.test(value)
    if (!isOption) problems.push(wrong('sbatch-arg', value, 'an option of sbatch, as --sbatch-arg=--account=lab'))
    return isOption
  })
  const options: SlurmOptions = {
    ...{ partition: word('partition'), cpus: count('cpus'), memory: word('memory'), time: word('time'), gres: word('gres') },
    ...{ maxParallel: count('max-parallel'), extra },
  }
  return { options, problems }
}

function wrong(name: string, value: string, expected: string): Problem {
  return errorProblem('parameter-invalid', `--${name} is "${value.slice(0, 80)}".`, {
    where: { field: name, value },
    hint: `Expected ${expected}.`,
  })
}
