import { stringify } from 'yaml'
import type { AdapterDetail } from '../contract/adapter.ts'
import { exportProfiles, type ExportProfile } from '../contract/export-profiles.ts'
import type { Problem } from '../contract/problems.ts'
import type { MergeOutcome, ResolvedMergeJob } from '../contract/recipe.ts'
import { fenced, loadingCode, plain, table } from './write-card.ts'

/** Everything the card of an export is written from. */
export interface ExportCardFacts {
  readonly source: AdapterDetail
  readonly profile: ExportProfile
  readonly folderName: string
  readonly job: ResolvedMergeJob
  readonly fingerprint: string
  readonly outcome: MergeOutcome
  /** What was left out, and what loading asks for. */
  readonly problems: readonly Problem[]
  readonly appVersion: string
  readonly nativeBuild: string | null
}

/** README.md of an export that was rewritten for a tool: where it comes from and how it differs from there. */
export function exportCard(facts: ExportCardFacts): string {
  const { source, profile, problems } = facts
  const remarks = problems.map(({ message, hint }) => `- ${plain(message)}${hint === undefined ? '' : ` ${plain(hint)}`}`)
  const sections = [
    `# ${plain(source.name)} for ${exportProfiles[profile].label}`,
    `The LoRA adapter "${plain(source.name)}", written by Amalgam in the form that ${exportProfiles[profile].label} reads. Its update is the same up to the rounding of ${facts.job.output.dtype}.`,
    `## What was changed\n\n${changes(facts)}`,
    ...(remarks.length > 0 ? [`## Remarks\n\n${remarks.join('\n')}`] : []),
    `## Source\n\n${sourceTable(source)}`,
    `## Loading\n\n${loading(facts)}`,
    `## Made with\n\n${madeWith(facts)}`,
  ]
  return `${frontMatter(source, profile)}\n${sections.join('\n\n')}\n`
}

function frontMatter({ baseModelName, licence }: AdapterDetail, profile: ExportProfile): string {
  const matter = {
    ...(baseModelName !== null && { base_model: baseModelName }),
    library_name: 'peft',
    ...(licence !== null && { license: licence }),
    tags: ['lora', 'amalgam', profile],
  }
  return `---\n${stringify(matter)}---\n`
}

function changes({ source, job }: ExportCardFacts): string {
  const { rank } = job.output
  return [
    `- Scaling (${source.scaling.join(', ')}) folded into the factors, half of it on each side; alpha equals rank, so that it is 1 for every loader.`,
    `- Rank ${rank} for all modules (was ${source.ranks.join(', ')}), filled up with zeros, which change nothing.`,
    '- No patterns for ranks or alphas, no rank-stabilised scaling, every target named.',
    leftOut(source),
  ].join('\n')
}

function leftOut({ ignoredTensors }: AdapterDetail): string {
  if (ignoredTensors.length === 0) return '- Nothing was left out.'
  const shown = ignoredTensors.slice(0, 5).map(({ name }) => `\`${name}\``)
  const more = ignoredTensors.length > shown.length ? ` and ${ignoredTensors.length - shown.length} more` : ''
  return `- Left out, because it is no factor: ${shown.join(', ')}${more}.`
}

function sourceTable(source: AdapterDetail): string {
  return table(
    ['adapter', 'base model', 'content hash (SHA-256)', 'tensor hash (SHA-256)'],
    [
      [
        plain(source.name),
        source.baseModelName === null ? 'not named' : plain(source.baseModelName),
        `\`${source.contentHash ?? ''}\``,
        `\`${source.tensorHash ?? ''}\``,
      ],
    ],
  )
}

function loading({ source, profile, folderName, job }: ExportCardFacts): string {
  const base = source.baseModelName ?? 'BASE_MODEL'
  const python = fenced('python', loadingCode({ sources: [source], folderName }))
  const lines: Readonly<Record<ExportProfile, string>> = {
    peft: '',
    vllm: `vllm serve ${base} --enable-lora --max-lora-rank ${Math.max(8, job.output.rank)} --lora-modules ${folderName}=./${folderName}`,
    llamacpp: `python convert_lora_to_gguf.py --base BASE_MODEL_FOLDER ./${folderName}`,
  }
  return `${fenced('sh', lines[profile])}\n\nPEFT loads it, too:\n\n${python}`
}

function madeWith({ appVersion, nativeBuild, job, profile, fingerprint }: ExportCardFacts): string {
  return [
    `- Amalgam ${appVersion}, native core ${nativeBuild ?? 'unknown'}, export profile ${profile}`,
    `- device ${job.device}, dtype ${job.output.dtype}; fingerprint of the resolved job \`${fingerprint}\``,
    '- files: adapter_config.json and adapter_model.safetensors, in the format of PEFT 0.21.0',
  ].join('\n')
}
