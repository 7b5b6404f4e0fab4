/** The kebab-case codes a problem may carry, each with the few words the screens use as its heading. */
export const problemTitles = {
  // files and headers (the native reader throws the same codes)
  'file-unreadable': 'File cannot be read',
  'file-too-small': 'File is too small',
  'header-too-long': 'Header is too long',
  'header-not-json': 'Header is not JSON',
  'header-duplicate-key': 'Header names a tensor twice',
  'header-invalid': 'Header is not valid',
  'unknown-dtype': 'Unknown dtype',
  'tensor-offsets-invalid': 'Tensor lies outside the file',
  'tensor-overlap': 'Tensors overlap',
  'tensor-hole': 'Bytes between tensors',
  'too-many-tensors': 'Too many tensors',
  'file-changed': 'File changed while it was read',
  // adapters
  'no-adapter-found': 'No adapter here',
  'folder-unreadable': 'Folder cannot be read',
  'config-missing': 'adapter_config.json is missing',
  'config-not-json': 'adapter_config.json is not JSON',
  'config-invalid': 'Config is not valid',
  'not-a-lora': 'Not a LoRA adapter',
  'weights-missing': 'No weights file',
  'pickle-not-opened': 'Pickle files are not opened',
  'tensor-missing': 'A factor is missing',
  'shape-mismatch': 'Shapes do not fit together',
  'rank-mismatch': 'Rank of file and config differ',
  'rank-out-of-range': 'Rank out of range',
  'alpha-invalid': 'Alpha is not valid',
  'not-finite': 'Values are not finite',
  duplicate: 'Already in the library',
  'same-weights': 'Same weights, other config',
  'base-name-differs': 'Names another base model',
  'shapes-inconsistent': 'Shapes disagree inside a layer',
  'norm-too-small': 'Update is zero or very small',
  'norm-too-large': 'Update is very large',
  'tensor-ignored': 'Tensors that are not part of the update',
  'pattern-ambiguous': 'Several patterns match one module',
  'pattern-unmatched': 'A pattern matches nothing',
  'targets-disagree': 'Config and file name different modules',
  'variant-not-plain': 'Not a plain LoRA',
  'file-missing': 'File is not where it was',
  // the library's own things
  'name-taken': 'The name is taken',
  'collection-unknown': 'No such collection',
  'view-unknown': 'No such view',
  'watch-failed': 'A folder cannot be watched',
  // recipes and merging
  'unknown-method': 'Unknown merge method',
  'unknown-field': 'Unknown field',
  'field-missing': 'A field is missing',
  'recipe-not-readable': 'Recipe cannot be read',
  'adapter-unknown': 'No such adapter',
  'adapter-ambiguous': 'Several adapters have this name',
  'adapter-not-mergeable': 'Adapter cannot be merged',
  'adapter-not-checked': 'Adapter is still being checked',
  'adapter-repeated': 'The same adapter twice',
  'too-few-adapters': 'Too few adapters',
  'too-many-adapters': 'Too many adapters',
  'ranks-differ': 'Ranks differ',
  'modules-differ': 'Target modules differ',
  'base-models-differ': 'Base models differ',
  'coefficient-invalid': 'Coefficient is not valid',
  'coefficient-not-accepted': 'This method takes no coefficients',
  'rule-unmatched': 'A coefficient rule matches nothing',
  'rank-invalid': 'Rank is not valid',
  'parameter-invalid': 'Parameter is not valid',
  'unknown-parameter': 'Unknown parameter',
  'output-exists': 'Output folder exists',
  'extras-left-out': 'Tensors outside the update are left out',
  // what a tool makes of an adapter (merge-methods.md 1.9)
  'patterns-ignored': 'Ranks or alphas per module are ignored',
  'rslora-ignored': 'Rank-stabilised scaling is ignored',
  'dora-not-read': 'DoRA is not read',
  'modules-to-save-refused': 'Modules saved in full are refused',
  'bias-refused': 'Trained biases are refused',
  'extra-tensors-refused': 'Other tensors are refused',
  'extra-tensors-ignored': 'Other tensors are ignored',
  'tensor-names-unknown': 'Names of the factors are not recognised',
  'rank-above-limit': 'Rank above the limit',
  'embedding-limits': 'Embeddings load under conditions',
  'tied-head-fails': 'Output head fails on a tied base model',
  'variant-misread': 'Read as another kind of adapter',
  // base models and evaluation (the native core throws the same codes)
  'checkpoint-missing': 'No weights of a base model here',
  'checkpoint-invalid': 'Files of a base model do not fit together',
  'architecture-unknown': 'Architecture is not supported',
  'config-unsupported': 'A field of config.json is not supported',
  'base-unknown': 'No such base model',
  'base-ambiguous': 'Several base models have this name',
  'base-missing': 'Base model is not where it was',
  'base-not-checked': 'Base model is still being checked',
  'engine-busy': 'A job is computing',
  'run-unknown': 'No such run',
  'adapter-other-base': 'Adapter is for another base model',
  'vocabulary-mismatch': 'Tokens and embedding do not fit together',
  'prompt-empty': 'Prompt has no tokens',
  'prompt-too-long': 'Prompt is too long for the base model',
  'logits-not-finite': 'Logits are not finite',
  'loss-not-finite': 'Loss is not finite',
  'mask-invalid': 'Mask does not fit the adapter',
  'memory-short': 'Not enough memory',
  'device-unknown': 'No such device',
  'device-lost': 'The GPU is gone',
  // tokens and tasks
  'tokenizer-missing': 'No tokenizer here',
  'tokenizer-not-readable': 'Tokenizer cannot be read',
  'template-missing': 'No chat template',
  'template-failed': 'Chat template failed',
  'answer-empty': 'Answer has no tokens',
  'task-missing': 'No tasks here',
  'task-not-readable': 'Task cannot be read',
  'task-defaulted': 'Fields of the task were filled in',
  'task-unknown': 'No such task',
  'task-exists': 'The task is there already',
  'task-small': 'Fewer examples than asked for',
  'example-not-readable': 'Example cannot be read',
  'example-unknown': 'No such example',
  'examples-repeated': 'Examples occur more than once',
  'examples-leaked': 'Examples occur in several splits',
  'split-empty': 'Split has no examples',
  'split-not-allowed': 'Split is not for learning',
  // choosing, tuning and training
  'preset-unknown': 'No such preset here',
  'own-missing': 'Your own LoRA is needed',
  'pool-empty': 'No adapter can be used',
  'no-validation': 'No validation examples',
  'loss-diverged': 'The loss ran away',
  'no-improvement': 'No step was better than the start',
  'gradient-not-finite': 'A gradient is not finite',
  'check-failed': 'What must be equal is not',
  'labels-alike': 'Labels differ only in case or spaces',
  'label-unknown': 'Answer is not one of the labels',
  'file-too-large': 'File is too large',
  'source-not-readable': 'File of examples cannot be read',
  'mapping-invalid': 'Mapping does not fit the file',
  'instructions-differ': 'Rows have different instructions',
  // plans
  'plan-unknown': 'No such plan',
  'plan-running': 'Plan is running',
  'pool-small': 'Pool is smaller than asked for',
  'arm-unknown': 'No such arm',
  'cells-failed': 'Parts of the plan failed',
  'results-missing': 'Results are missing',
  'cell-unknown': 'No such part of the plan',
  'merge-not-separable': 'Merge cannot be taken apart',
  'examples-differ': 'Arms answered different examples',
  'versions-differ': 'Results of another version',
  'units-differ': 'Tasks are measured in different units',
  'bundle-not-readable': 'Not a plan with its results',
  'bundle-damaged': 'File of a plan is damaged',
  'bundle-newer': 'File of a plan was written by a newer version',
  // running
  'request-invalid': 'Request is not valid',
  'unknown-request': 'Unknown request',
  'path-not-allowed': 'Path is not allowed',
  'job-unknown': 'No such job',
  'job-not-restartable': 'Job cannot be run again',
  'disk-full': 'Disk is full',
  'write-failed': 'Writing failed',
  cancelled: 'Cancelled',
  'out-of-memory': 'Out of memory',
  'cuda-error': 'The GPU reported an error',
  'native-not-built': 'Native core is not built',
  // plans on a cluster
  'shared-folder-taken': 'Folder holds another plan',
  'job-file-not-readable': 'Job file cannot be read',
  'content-differs': 'Content is another one',
  'job-needs-other': 'Another job must run first',
  'job-locked': 'The job is being run',
  'result-not-fitting': 'Result does not fit the plan',
  'scheduler-missing': 'No Slurm here',
  'scheduler-refused': 'Slurm refused',
  'library-newer': 'Library was written by a newer version',
  'library-unreadable': 'Library cannot be opened',
  'library-corrupt': 'Library is damaged',
  'library-not-written': 'Library could not be written',
  'library-busy': 'Library is busy',
  'library-in-use': 'Library is open in another window',
  'backup-unknown': 'No such backup',
  internal: 'Unexpected error',
} as const

export type ProblemCode = keyof typeof problemTitles

/** Where a problem lies; every part is optional, the more the better. */
export interface ProblemPlace {
  readonly path?: string
  readonly tensor?: string
  readonly field?: string
  readonly value?: string
}

/** An expected, explainable refusal or remark. Errors block, warnings never do. `message` says what was found, `hint` what to do. */
export interface Problem {
  readonly code: ProblemCode
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly where?: ProblemPlace
  readonly allowed?: readonly string[]
  readonly hint?: string
}

type ProblemDetail = Omit<Problem, 'code' | 'severity' | 'message'>

/** A blocking problem. */
export function errorProblem(code: ProblemCode, message: string, detail: ProblemDetail = {}): Problem {
  return { code, severity: 'error', message, ...detail }
}

/** A problem that is said but blocks nothing. */
export function warningProblem(code: ProblemCode, message: string, detail: ProblemDetail = {}): Problem {
  return { code, severity: 'warning', message, ...detail }
}

/** True when at least one of the problems blocks. */
export function hasError(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error')
}

/** True when `code` is one of the codes above; native errors with any other code are treated as unexpected. */
export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(problemTitles, code)
}

/** A value as it may be shown in a problem: short, and JSON-like, so that a string differs from a number and NaN is named. */
export function shownValue(value: unknown): string {
  const text = typeof value === 'number' || value === undefined ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** The refusal that crosses function borders when a caller cannot go on; carries problems, never a bare message. */
export class Refusal extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => problem.message).join(' '))
    this.name = 'Refusal'
    this.problems = problems
  }
}
