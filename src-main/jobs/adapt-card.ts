import { stringify } from 'yaml'
import type { AdaptationDetail } from '../contract/adapt.ts'
import { selectionIds, selectionOf } from '../contract/selection.ts'
import { tunerOf } from '../contract/tuners.ts'
import type { LearnOutcome } from '../engine/learn-request.ts'
import type { ResolvedAdaptation } from './adapt-types.ts'
import { fenced, loadingCode, plain, table } from './write-card.ts'

/** Everything the model card of a tuned, searched or trained adapter is written from. */
export interface AdaptCardFacts {
  readonly name: string
  readonly folderName: string
  readonly adaptation: ResolvedAdaptation
  /** One line of what it is: rank, alpha, what is folded in. */
  readonly shape: string
  readonly baseModelName: string | null
  readonly selection: AdaptationDetail['selection']
  readonly coefficients: AdaptationDetail['coefficients']
  /** null: no curve chose it. */
  readonly learned: Pick<LearnOutcome, 'chosenStep' | 'lastStep' | 'startLoss' | 'chosenLoss' | 'tokens'> | null
  /** The recipe or the description of the job, as YAML. */
  readonly recipe: string
  readonly appVersion: string
}

/** README.md of an adapter that was adapted to a task: what it was made from and how, in enough detail to make it again. */
export function adaptCard(facts: AdaptCardFacts): string {
  const { adaptation, coefficients, selection } = facts
  const { control, preset, pool } = adaptation
  const sections = [
    `# ${plain(facts.name)}`,
    `${madeText(adaptation)} ${facts.shape}`,
    ...(control ? [`## Control\n\n**${control.label}**. ${control.summary}`] : []),
    ...(preset ? [`## Preset\n\n${presetText(preset)}`] : []),
    `## Task\n\n${taskText(facts)}`,
    ...(pool.length > 0 ? [`## Adapters\n\n${selectionText(adaptation, selection, coefficients)}`] : []),
    ...(coefficients ? [`## Coefficients\n\n${coefficientText(coefficients)}`] : []),
    `## Settings\n\n${fenced('yaml', stringify({ ...adaptation.params, seed: adaptation.input.seed }))}\n\n${fenced('yaml', shortened(facts.recipe))}`,
    `## Loading\n\n${fenced('python', loadingCode({ sources: [facts], folderName: facts.folderName }))}`,
    `## Made with\n\n${madeWith(facts)}`,
  ]
  return `${frontMatter(facts)}\n${sections.join('\n\n')}\n`
}

function frontMatter({ baseModelName, adaptation: { arm, control } }: AdaptCardFacts): string {
  const tags = ['lora', 'amalgam', arm === 'train' ? 'trained' : 'merge', ...(control ? [`control-${control.id}`] : [])]
  return `---\n${stringify({ ...(baseModelName !== null && { base_model: baseModelName }), library_name: 'peft', tags })}---\n`
}

function madeText({ arm, task, base }: ResolvedAdaptation): string {
  const how = { train: 'trained', tune: 'merged with tuned coefficients', search: 'merged with searched coefficients', select: 'chosen' }[
    arm
  ]
  return `A LoRA adapter ${how} by Amalgam for the task ${plain(task.title)} on ${plain(base.name)}. ${tunerOf(arm).summary}`
}

function presetText({ label, reference, differs }: NonNullable<ResolvedAdaptation['preset']>): string {
  const from = `**${label}**: ${reference}.`
  return differs.length === 0 ? from : `${from} It differs from the original:\n\n${differs.map((line) => `- ${line}`).join('\n')}`
}

function taskText({ adaptation, learned }: AdaptCardFacts): string {
  const { task, input, train, validation, noValidation, skipped } = adaptation
  const lines = [
    `- task \`${task.id}\`, version ${task.version}, hash \`${task.hash}\``,
    `- ${train.length} training examples${input.budget === null ? '' : ` of a budget of ${input.budget}`}, ${
      noValidation ? 'none for validation: the training examples chose the step too' : `${validation.length} for validation`
    }${skipped > 0 ? `, ${skipped} left out for their length` : ''}; no test example was read`,
    ...(learned
      ? [
          `- step ${learned.chosenStep} of ${learned.lastStep} was kept: ${noValidation ? 'training' : 'validation'} loss ${learned.chosenLoss.toPrecision(5)}` +
            `${learned.startLoss === null ? '' : `, ${learned.startLoss.toPrecision(5)} at step 0`}; ${learned.tokens} tokens`,
        ]
      : []),
  ]
  return lines.join('\n')
}

function selectionText(
  { params, pool }: ResolvedAdaptation,
  selection: AdaptationDetail['selection'],
  coefficients: AdaptationDetail['coefficients'],
): string {
  const id = selectionIds.find((known) => known === params['selection'])
  const chosen = selection.filter(({ place }) => place !== null).sort((left, right) => left.place! - right.place!)
  const rows = chosen.map(({ name, value }, index) => [
    plain(name),
    value === null ? '' : value.toPrecision(5),
    coefficients?.shares ? `${(100 * (coefficients.shares[index] ?? 0)).toFixed(1)} %` : '',
  ])
  const how = id === undefined ? '' : ` by ${selectionOf(id).label}`
  const random = params['parameters'] === 'random' ? ' Their factors were replaced by random numbers of the same deviations.' : ''
  return `${chosen.length} of ${pool.length} adapters${how}.${random}\n\n${table(['adapter', 'value', 'share of the update norm'], rows)}`
}

/** Most rows of the table; the library keeps all. */
const mostRows = 300

function coefficientText({ modules, adapters, values }: NonNullable<AdaptationDetail['coefficients']>): string {
  const rows = modules
    .slice(0, mostRows)
    .map((module, row) => [`\`${module}\``, ...values[row]!.map((value) => (value === null ? '' : value.toPrecision(4)))])
  const more = modules.length > mostRows ? `\n\n... and ${modules.length - mostRows} more modules.` : ''
  return `${table(['module', ...adapters.map(({ name }) => plain(name))], rows)}${more}`
}

/** A recipe with a rule for each module is long: the beginning is enough beside the table above. */
function shortened(text: string): string {
  const lines = text.split('\n')
  return lines.length <= mostRows ? text : `${lines.slice(0, mostRows).join('\n')}\n# ... and ${lines.length - mostRows} more lines`
}

function madeWith({ appVersion, adaptation }: AdaptCardFacts): string {
  const { nativeBuild, device, input, fingerprint, base } = adaptation
  return [
    `- Amalgam ${appVersion}, native core ${nativeBuild}`,
    `- device ${device.name}, seed ${input.seed}`,
    `- base model ${plain(base.name)}, hash \`${base.contentHash}\``,
    `- fingerprint \`${fingerprint}\`: the same on the same device gives the same bytes`,
  ].join('\n')
}
