import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { arrayScripts, ranges, type ArrayInput } from '../../../src-main/cluster/slurm-script.ts'
import { slurmOptions } from '../../../src-main/command-line/slurm-options.ts'
import { parseLine } from '../../../src-main/command-line/parse-arguments.ts'
import { planCommand } from '../../../src-main/command-line/plan.ts'

const input: ArrayInput = {
  ...{ stage: 0, title: 'Quick\nlook', shared: '/shared/plan', numbers: [1, 2, 3, 7] },
  command: ['/opt/node', '/opt/amalgam/scripts/amalgam.mjs'],
  options: { extra: [] },
}

test('numbers become ranges', () => {
  expect(ranges([1, 2, 3, 7, 9, 10])).toBe('1-3,7,9-10')
  expect(ranges([4])).toBe('4')
})

test('a script says its array, its log, what was asked for, and the job', () => {
  const options = { partition: 'gpu', cpus: 4, memory: '16G', time: '02:00:00', gres: 'gpu:1', maxParallel: 5, extra: ['--account=lab'] }
  const [script, ...more] = arrayScripts({ ...input, options })
  expect(more).toEqual([])
  expect(script!.name).toBe('submit-0.sh')
  expect(script!.text).toBe(
    [
      '#!/bin/bash',
      '# Stage 0 of the plan "Quick look", written by "amalgam plan submit": one task for each job.',
      '#SBATCH --job-name=amalgam-0',
      '#SBATCH --array=1-3,7%5',
      '#SBATCH --output=/shared/plan/logs/%A_%a.txt',
      '#SBATCH --requeue',
      '#SBATCH --open-mode=append',
      '#SBATCH --partition=gpu',
      '#SBATCH --cpus-per-task=4',
      '#SBATCH --mem=16G',
      '#SBATCH --time=02:00:00',
      '#SBATCH --gres=gpu:1',
      '#SBATCH --account=lab',
      '',
      'exec /opt/node /opt/amalgam/scripts/amalgam.mjs plan run-job /shared/plan/jobs/"${SLURM_ARRAY_TASK_ID}.json"',
      '',
    ].join('\n'),
  )
})

test('more jobs than an array may have are several arrays, whose indices stay below its limit', () => {
  const numbers = Array.from({ length: 2100 }, (_, index) => index + 1)
  const scripts = arrayScripts({ ...input, stage: 1, numbers })
  expect(scripts.map(({ name, numbers: own }) => [name, own.length])).toEqual([
    ['submit-1.sh', 1000],
    ['submit-1-2.sh', 1000],
    ['submit-1-3.sh', 100],
  ])
  expect(scripts[2]!.text).toContain('#SBATCH --array=1-100\n')
  expect(scripts[2]!.text).toContain('/jobs/"$((SLURM_ARRAY_TASK_ID + 2000)).json"')
})

test('the shell reads paths with spaces and quotes back as they are', () => {
  const folder = mkdtempSync(join(tmpdir(), "amalgam it's a script-"))
  const [script] = arrayScripts({ ...input, shared: folder, numbers: [1005], command: ['printf', '%s|'] })
  const file = join(folder, 'script.sh')
  writeFileSync(file, script!.text)
  const said = execFileSync('bash', [file], { env: { PATH: process.env['PATH'], SLURM_ARRAY_TASK_ID: '5' }, encoding: 'utf8' })
  expect(said).toBe(`plan|run-job|${folder}/jobs/1005.json|`)
})

test('options of the command line are checked before a script is written', () => {
  const given = (...words: readonly string[]) => {
    const parsed = parseLine(['plan', 'submit', ...words], [planCommand])
    if (parsed.kind !== 'command') throw new Error(JSON.stringify(parsed))
    return slurmOptions(parsed.given)
  }
  expect(given('--cpus', '4', '--memory', '16G', '--sbatch-arg=--account=lab', '--sbatch-arg=--qos=low')).toEqual({
    options: {
      ...{ partition: undefined, cpus: 4, memory: '16G', time: undefined, gres: undefined, maxParallel: undefined },
      extra: ['--account=lab', '--qos=low'],
    },
    problems: [],
  })
  const { problems } = given('--cpus', '0', '--partition', 'a b', '--max-parallel', 'x', '--sbatch-arg', 'account')
  expect(problems.map(({ where }) => where?.field)).toEqual(['sbatch-arg', 'partition', 'cpus', 'max-parallel'])
})
