import { stringify } from 'yaml'
import type { AdapterDetail } from '../contract/adapter.ts'
import type { MethodEntry } from '../contract/methods.ts'
import type { MergeOutcome, Recipe, ResolvedMergeJob } from '../contract/recipe.ts'
import { coefficientText } from '../recipes/coefficients.ts'

/** Everything the model card is written from; nothing in it is typed by hand. */
export interface CardFacts {
  readonly name: string
  readonly folderName: string
  readonly method: MethodEntry
  readonly recipe: Recipe
  /** The recipe as YAML, with every default. */
  readonly recipeText: string
  readonly fingerprint: string
  readonly job: ResolvedMergeJob
  readonly sources: readonly AdapterDetail[]
  readonly outcome: MergeOutcome
  readonly appVersion: string
  readonly nativeBuild: string | null
}

/** README.md of a merged adapter: YAML front matter, then how it was made, in enough detail to make it again. */
export function modelCard(facts: CardFacts): string {
  const sections = [
    `# ${plain(facts.name)}`,
    `A LoRA adapter merged by Amalgam from ${facts.sources.length} adapter${facts.sources.length === 1 ? '' : 's'}. Rank ${facts.job.output.rank}, ${facts.job.output.dtype}, scaling 1 (alpha equals rank; the sources' scaling and the coefficients are folded into the factors).`,
    `## Method\n\n${methodSection(facts.method)}`,
    `## Sources\n\n${sourcesTable(facts)}`,
    `## Recipe\n\n${fenced('yaml', facts.recipeText)}\n\nFingerprint of the resolved recipe: \`${facts.fingerprint}\`. The same fingerprint on the same device gives the same bytes.`,
    `## Loading\n\n${fenced('python', loadingCode(facts))}`,
    `## Modules\n\n${modulesTable(facts.outcome)}`,
    `## Made with\n\n${madeWith(facts)}`,
  ]
  return `${frontMatter(facts)}\n${sections.join('\n\n')}\n`
}

function frontMatter({ sources, method }: CardFacts): string {
  const bases = distinct(sources.map((source) => source.baseModelName))
  const licences = distinct(sources.map((source) => source.licence))
  const matter = {
    ...(bases.length > 0 && { base_model: bases.length === 1 ? bases[0] : bases }),
    library_name: 'peft',
    ...(licences.length === 1 && sources.every((source) => source.licence !== null) && { license: licences[0] }),
    tags: ['lora', 'merge', 'amalgam', method.id],
  }
  return `---\n${stringify(matter)}---\n`
}

function methodSection(method: MethodEntry): string {
  return [`**${method.label}** (\`${method.id}\`). ${method.summary}`, fenced('', method.formula), `Reference: ${method.reference}.`].join(
    '\n\n',
  )
}

function sourcesTable({ sources, recipe, method }: CardFacts): string {
  const rows = sources.map((source, index) => [
    plain(source.name),
    method.coefficients ? coefficientText(recipe.adapters[index]?.coefficient) : 'none',
    source.ranks.join(', '),
    source.baseModelName === null ? 'not named' : plain(source.baseModelName),
    `\`${source.contentHash ?? ''}\``,
    `\`${source.tensorHash ?? ''}\``,
  ])
  return table(['adapter', 'coefficient', 'ranks', 'base model', 'content hash (SHA-256)', 'tensor hash (SHA-256)'], rows)
}

function modulesTable(outcome: MergeOutcome): string {
  const rows = outcome.modules.map(({ name, rank, norm, discardedEnergy }) => [
    `\`${name}\``,
    String(rank),
    norm.toPrecision(6),
    discardedEnergy === 0 ? '0' : discardedEnergy.toPrecision(3),
  ])
  const note =
    'Norm is the Frobenius norm of the merged update before it was cut. Discarded energy is the relative Frobenius norm of what truncation cut, ‖D − D′‖ / ‖D‖; 0 means that nothing was cut.'
  return `${note}\n\n${table(['module', 'rank', 'norm', 'discarded energy'], rows)}`
}

/** Python that loads the adapter. */
export function loadingCode({
  sources,
  folderName,
}: {
  readonly sources: readonly Pick<AdapterDetail, 'baseModelName'>[]
  readonly folderName: string
}): string {
  const base = distinct(sources.map((source) => source.baseModelName))[0] ?? 'BASE_MODEL'
  return [
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM',
    '',
    `base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(base)})`,
    `model = PeftModel.from_pretrained(base, ${JSON.stringify(`./${folderName}`)})`,
  ].join('\n')
}

function madeWith({ appVersion, nativeBuild, job }: CardFacts): string {
  return [
    `- Amalgam ${appVersion}, native core ${nativeBuild ?? 'unknown'}`,
    `- device ${job.device}, dtype ${job.output.dtype}, seed ${job.seed}`,
    '- files: adapter_config.json and adapter_model.safetensors, in the format of PEFT 0.21.0',
  ].join('\n')
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A block that no content can close early: its fence is longer than any run of backticks inside. */
export function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`
}

/** A name as plain Markdown text: on one line, nothing in it acts as markup or ends a table cell. */
export function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|#!~]/g, (mark) => `\\${mark}`)
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value): value is string => value !== null))]
}
