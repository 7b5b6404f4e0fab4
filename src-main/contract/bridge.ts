import * as v from 'valibot'
import { adaptationDetailSchema, adaptationSchema, adaptInputSchema, adaptPlanSchema } from './adapt.ts'
import { adapterDetailSchema, adapterRowSchema, type AdapterDetail } from './adapter.ts'
import { baseModelSchema } from './base-model.ts'
import { importProgressSchema, importReportSchema } from './import-report.ts'
import { exportCheckSchema, exportProfileIds } from './export-profiles.ts'
import { adapterInspectionSchema, familiesSchema, similaritySchema } from './inspection.ts'
import { jobDetailSchema, jobSchema } from './job.ts'
import { facetsSchema, libraryQuerySchema } from './library-query.ts'
import { collectionSchema, givenName, savedViewSchema, undoableSchema } from './library-tools.ts'
import { problemSchema } from './problem-schema.ts'
import { draft, ids, made, nothing, outcome, page, started } from './request-parts.ts'
import { planRequests, runListRequests } from './plan-requests.ts'
import { mergePreviewSchema, recipeSchema } from './recipe.ts'
import {
  evaluatedSplits,
  evaluateInputSchema,
  evaluatePlanSchema,
  generationSchema,
  outcomeSchema,
  resultsSchema,
  runSchema,
  subjectSchema,
} from './run.ts'
import { appInfoSchema, settingsSchema } from './settings.ts'
import {
  exampleSchema,
  renderedPromptSchema,
  splits,
  taskImportPreviewSchema,
  taskMappingSchema,
  taskSchema,
  taskSourceSchema,
} from './task.ts'

/** Every request: name -> schemas of what goes in and what comes out. The only list; both hosts and the renderer derive from it. */
export const requests = {
  'app.info': { input: nothing, output: appInfoSchema },
  'app.reveal': { input: v.object({ path: v.string() }), output: outcome },
  'app.pickFolder': { input: v.object({ title: v.string() }), output: v.nullable(v.string()) },
  'app.licences': { input: nothing, output: v.string() },
  'settings.get': { input: nothing, output: settingsSchema },
  'settings.set': { input: v.object({ settings: v.partial(settingsSchema) }), output: settingsSchema },

  /** Puts one of the backups of app.info's recovery in the place of a damaged library, which is kept under another name. */
  'recovery.restore': { input: v.object({ path: v.string() }), output: outcome },
  /** Begins with an empty library; the damaged one is kept under another name, and its backups for good. */
  'recovery.startEmpty': { input: nothing, output: outcome },

  'library.list': { input: libraryQuerySchema, output: v.object({ rows: v.array(adapterRowSchema), total: v.number() }) },
  'library.ids': { input: libraryQuerySchema, output: v.array(v.string()) },
  'library.facets': { input: nothing, output: facetsSchema },
  'library.get': { input: v.object({ id: v.string() }), output: v.nullable(adapterDetailSchema) },
  'library.byIds': { input: v.object({ ids }), output: v.array(adapterRowSchema) },
  /** Starts an import of files and folders (found recursively); answers with the import's id, progress follows as events. */
  'library.import': {
    input: v.object({ paths: v.pipe(v.array(v.string()), v.minLength(1)) }),
    output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  /** Asks the host for a folder or files and imports them; null id when the person closed the dialog. */
  'library.pickAndImport': { input: nothing, output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }) },
  'library.importDemo': { input: nothing, output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }) },
  'library.stopImport': { input: v.object({ id: v.string() }), output: outcome },
  'library.lastImport': { input: nothing, output: v.nullable(importReportSchema) },
  'library.rescan': { input: nothing, output: v.object({ missing: v.number(), found: v.number() }) },
  'library.setName': {
    input: v.object({ id: v.string(), name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)) }),
    output: outcome,
  },
  'library.setNotes': { input: v.object({ id: v.string(), notes: v.pipe(v.string(), v.maxLength(100000)) }), output: outcome },
  'library.setFavourite': { input: v.object({ ids, favourite: v.boolean() }), output: outcome },
  'library.editTags': { input: v.object({ ids, add: v.array(v.string()), remove: v.array(v.string()) }), output: outcome },
  /** Forgets adapters; files are never touched. */
  'library.remove': { input: v.object({ ids }), output: outcome },
  /** Takes back the newest edit of tags or collections that was not taken back yet. */
  'library.undo': { input: nothing, output: v.object({ undone: v.nullable(v.string()), problems: v.array(problemSchema) }) },
  'library.undoable': { input: nothing, output: undoableSchema },
  /** Looks through folders for the files of missing adapters, known by their content hash; imports nothing new. Runs as an import does. */
  'library.relink': {
    input: v.object({ paths: v.pipe(v.array(v.string()), v.minLength(1)) }),
    output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  /** Folders that are watched now (settings.watchedFolders), and why some cannot be; changes come as library.toolsChanged. */
  'library.watching': { input: nothing, output: v.object({ folders: v.array(v.string()), problems: v.array(problemSchema) }) },
  /** Writes what the library itself knows of adapters (names, tags, collections, notes, hashes, lineage) as one JSON file each into a folder. */
  'library.exportMetadata': {
    input: v.object({ ids, folder: v.string() }),
    output: v.object({ paths: v.array(v.string()), problems: v.array(problemSchema) }),
  },

  'collections.list': { input: nothing, output: v.array(collectionSchema) },
  'collections.create': {
    input: v.object({ name: givenName }),
    output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  'collections.rename': { input: v.object({ id: v.string(), name: givenName }), output: outcome },
  /** Forgets the collection; its adapters stay. */
  'collections.remove': { input: v.object({ id: v.string() }), output: outcome },
  'collections.edit': { input: v.object({ ids, add: v.array(v.string()), remove: v.array(v.string()) }), output: outcome },

  'views.list': { input: nothing, output: v.array(savedViewSchema) },
  /** A new view (id null) or a changed one. */
  'views.save': {
    input: v.object({ ...savedViewSchema.entries, id: v.nullable(v.string()) }),
    output: v.object({ id: v.nullable(v.string()), problems: v.array(problemSchema) }),
  },
  'views.remove': { input: v.object({ id: v.string() }), output: outcome },

  'inspect.adapter': { input: v.object({ id: v.string() }), output: v.nullable(adapterInspectionSchema) },
  /** Inspections of many adapters for histograms and overlays, without the modules' rows when `modules` is false. */
  'inspect.adapters': { input: v.object({ ids, modules: v.boolean() }), output: v.array(adapterInspectionSchema) },
  'inspect.similarity': { input: v.object({ ids: v.pipe(v.array(v.string()), v.maxLength(1000)) }), output: similaritySchema },
  /** Compares every pair of the selection that was not compared yet; a job that goes on where it was stopped. */
  'inspect.compare': { input: v.object({ ids }), output: started },
  /** Near-duplicate families over all compared pairs. */
  'inspect.families': { input: v.object({ threshold: v.pipe(v.number(), v.minValue(0), v.maxValue(1)) }), output: familiesSchema },

  'export.check': { input: v.object({ id: v.string(), profile: v.picklist(exportProfileIds) }), output: exportCheckSchema },
  /** Writes an adapter for a tool into a new folder under `folder`; a job. `padTo` raises the rank with zeros (exact); 0 keeps the profile's own. */
  'export.start': {
    input: v.object({
      id: v.string(),
      folder: v.string(),
      profile: v.picklist(exportProfileIds),
      padTo: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4096)), 0),
    }),
    output: started,
  },

  'merge.preview': { input: v.object({ recipe: draft }), output: mergePreviewSchema },
  'merge.recipeText': { input: v.object({ recipe: draft }), output: v.object({ yaml: v.string(), problems: v.array(problemSchema) }) },
  /** Reads a recipe file's text (YAML or JSON); null when it is not readable. Parameters and adapters are checked by merge.preview. */
  'merge.readRecipe': {
    input: v.object({ text: v.pipe(v.string(), v.maxLength(1000000)) }),
    output: v.object({ recipe: v.nullable(recipeSchema), problems: v.array(problemSchema) }),
  },
  'merge.start': { input: v.object({ recipe: draft }), output: started },

  'bases.list': { input: nothing, output: v.array(baseModelSchema) },
  /** Adds the checkpoint in a folder. Answers when its facts are read; its files are hashed afterwards, told by bases.changed. */
  'bases.add': { input: v.object({ path: v.string() }), output: made },
  /** Asks the host for a folder first; null id when the person closed the dialog. */
  'bases.pickAndAdd': { input: nothing, output: made },
  'bases.addDemo': { input: nothing, output: made },
  'bases.rename': { input: v.object({ id: v.string(), name: givenName }), output: outcome },
  /** Forgets the base model and its results; files are never touched. */
  'bases.remove': { input: v.object({ id: v.string() }), output: outcome },
  /** Adapters of the library that fit a base model by names and shapes of their target modules, and the others with the reason. */
  'bases.matches': {
    input: v.object({ id: v.string() }),
    output: v.object({
      fitting: v.array(v.object({ id: v.string(), name: v.string() })),
      others: v.array(v.object({ id: v.string(), name: v.string(), reason: v.string() })),
    }),
  },

  'tasks.list': { input: nothing, output: v.array(taskSchema) },
  'tasks.get': { input: v.object({ id: v.string() }), output: v.nullable(taskSchema) },
  'tasks.examples': {
    input: v.object({ id: v.string(), split: v.picklist(splits), text: v.optional(v.string(), ''), ...page }),
    output: v.object({ examples: v.array(exampleSchema), total: v.number() }),
  },
  /** Adds task files, or all of a folder, copied into the library. Answers with every task's id or why it was refused. */
  'tasks.add': {
    input: v.object({ path: v.string() }),
    output: v.object({ ids: v.array(v.string()), problems: v.array(problemSchema) }),
  },
  'tasks.pickAndAdd': { input: nothing, output: v.object({ ids: v.array(v.string()), problems: v.array(problemSchema) }) },
  'tasks.addDemo': { input: nothing, output: v.object({ ids: v.array(v.string()), problems: v.array(problemSchema) }) },
  /** Changes what can be changed without new examples; the task's hash and version change with it, earlier results stay with the earlier one. */
  'tasks.edit': {
    input: v.object({
      id: v.string(),
      changes: v.partial(v.pick(taskSchema, ['title', 'instruction', 'metric', 'maxNewTokens', 'answer'])),
    }),
    output: outcome,
  },
  'tasks.remove': { input: v.object({ id: v.string() }), output: outcome },
  /** One example as a base model gets it. */
  'tasks.render': {
    input: v.object({ id: v.string(), baseId: v.string(), split: v.picklist(splits), exampleId: v.string() }),
    output: v.object({ rendered: v.nullable(renderedPromptSchema), problems: v.array(problemSchema) }),
  },
  /** Looks into a file of examples (JSONL, JSON, CSV, Alpaca, chat messages). */
  'tasks.readSource': {
    input: v.object({ path: v.string() }),
    output: v.object({ source: v.nullable(taskSourceSchema), problems: v.array(problemSchema) }),
  },
  /** Asks the host for a file first; null when the person closed the dialog. */
  'tasks.pickSource': {
    input: nothing,
    output: v.object({ source: v.nullable(taskSourceSchema), problems: v.array(problemSchema) }),
  },
  'tasks.previewImport': { input: v.object({ mapping: draft, baseId: v.nullable(v.string()) }), output: taskImportPreviewSchema },
  'tasks.import': { input: v.object({ mapping: taskMappingSchema }), output: made },

  /** What an evaluation would do and need; nothing is started. */
  'evaluate.plan': { input: evaluateInputSchema, output: evaluatePlanSchema },
  /** Evaluates subjects on tasks; a job that goes on where it was stopped. Known runs are not computed again. */
  'evaluate.start': { input: evaluateInputSchema, output: started },
  /** Results of a base model, or of some tasks of it; `baseline` is the key of the subject that differences are to ("base" by default). */
  'evaluate.results': {
    input: v.object({
      baseId: v.string(),
      split: v.nullable(v.picklist(evaluatedSplits)),
      taskIds: v.optional(v.nullable(v.array(v.string())), null),
      baseline: v.optional(v.string(), 'base'),
    }),
    output: resultsSchema,
  },
  'evaluate.run': { input: v.object({ id: v.string() }), output: v.nullable(runSchema) },
  /** Examples of a run, beside those of another run of the same task when `other` is given. */
  'evaluate.outcomes': {
    input: v.object({
      runId: v.string(),
      other: v.optional(v.nullable(v.string()), null),
      filter: v.picklist(['all', 'right', 'wrong', 'wrong-here-right-there', 'right-here-wrong-there', 'differs']),
      text: v.optional(v.string(), ''),
      ...page,
    }),
    output: v.object({
      rows: v.array(v.object({ here: outcomeSchema, there: v.nullable(outcomeSchema) })),
      total: v.number(),
    }),
  },
  'evaluate.remove': { input: v.object({ runIds: ids }), output: outcome },
  /** Answers one prompt by a subject; answers when it is done. */
  'evaluate.try': {
    input: v.object({
      baseId: v.string(),
      subject: subjectSchema,
      system: v.pipe(v.string(), v.maxLength(100000)),
      user: v.pipe(v.string(), v.minLength(1), v.maxLength(100000)),
      maxNewTokens: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
    }),
    output: v.object({ generation: v.nullable(generationSchema), problems: v.array(problemSchema) }),
  },

  /** What choosing, tuning, searching, training or a control would do and need; nothing is started. */
  'adapt.plan': { input: adaptInputSchema, output: adaptPlanSchema },
  /** Starts it, once for every seed (the input's own when none is given) and every combination of the swept parameters' values; each is a job that goes on where it was stopped. */
  'adapt.start': {
    input: v.object({
      input: adaptInputSchema,
      seeds: v.optional(v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.maxLength(100)), []),
      sweep: v.optional(
        v.record(v.string(), v.pipe(v.array(v.union([v.number(), v.string(), v.boolean()])), v.minLength(1), v.maxLength(50))),
        {},
      ),
    }),
    output: v.object({ jobIds: v.array(v.string()), problems: v.array(problemSchema) }),
  },
  /** Newest first. */
  'adapt.list': {
    input: v.object({ taskId: v.optional(v.nullable(v.string()), null), baseId: v.optional(v.nullable(v.string()), null) }),
    output: v.array(adaptationSchema),
  },
  'adapt.get': { input: v.object({ jobId: v.string() }), output: v.nullable(adaptationDetailSchema) },
  /** Ends a running job after its present step or generation as if that had been its last: the best so far becomes the result. */
  'adapt.keepBest': { input: v.object({ jobId: v.string() }), output: outcome },
  /** Makes an adapter of one trial of a search; a merge job. */
  'adapt.promote': { input: v.object({ jobId: v.string(), trial: v.pipe(v.number(), v.integer(), v.minValue(0)) }), output: started },

  ...planRequests,
  ...runListRequests,

  'jobs.list': { input: nothing, output: v.array(jobSchema) },
  'jobs.get': { input: v.object({ id: v.string() }), output: v.nullable(jobDetailSchema) },
  'jobs.cancel': { input: v.object({ id: v.string() }), output: outcome },
  'jobs.runAgain': { input: v.object({ id: v.string() }), output: started },
  'jobs.remove': { input: v.object({ id: v.string() }), output: outcome },
} as const

/** Every event: name -> schema of its payload. Events only say what changed; the receiver asks for what it needs. */
export const events = {
  'library.changed': v.object({ ids: v.array(v.string()) }),
  /** Collections, saved views, which edit can be taken back, or what is watched changed. */
  'library.toolsChanged': v.object({}),
  'bases.changed': v.object({}),
  'tasks.changed': v.object({}),
  /** Runs were begun, grew, ended or were removed. */
  'runs.changed': v.object({ baseId: v.string() }),
  /** A plan was begun, its cells or results changed, or it was removed. */
  'plans.changed': v.object({ planId: v.string() }),
  /** Curve, trials or result of an adaptation changed. */
  'adapt.changed': v.object({ jobId: v.string() }),
  'import.progress': importProgressSchema,
  'job.changed': jobSchema,
  'job.removed': v.object({ id: v.string() }),
  'settings.changed': settingsSchema,
} as const

export type RequestName = keyof typeof requests
export type EventName = keyof typeof events
export type RequestInput<K extends RequestName> = v.InferInput<(typeof requests)[K]['input']>
export type RequestParsed<K extends RequestName> = v.InferOutput<(typeof requests)[K]['input']>
export type RequestOutput<K extends RequestName> = v.InferOutput<(typeof requests)[K]['output']>
export type EventPayload<K extends EventName> = v.InferOutput<(typeof events)[K]>

/** What a request answers with over the wire: a value, or the problems for which it was refused. */
export type Reply =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problems: readonly v.InferOutput<typeof problemSchema>[] }

/** What the preload script (or the web socket) gives the renderer; two channels and nothing else. */
export interface Wire {
  readonly host: 'electron' | 'web'
  /** Sends a request; always resolves with a Reply (rejects only when the host is gone). */
  call(name: string, input: unknown): Promise<Reply>
  /** Subscribes to every event; returns the way to unsubscribe. */
  onEvent(listener: (name: string, payload: unknown) => void): () => void
  /**
   * How dropped things become paths that the app may read.
   * path (Electron): absolute path of a dropped file or folder, null when the item is not on disk.
   * upload (web): copies one dropped file to the library's inbox under `drop`/`relativePath` and answers with the absolute path of the drop's folder.
   */
  readonly drop:
    | { readonly kind: 'path'; pathForFile(file: File): Promise<string | null> }
    | { readonly kind: 'upload'; upload(drop: string, relativePath: string, file: File): Promise<string> }
}

/** Channel names of the two-channel bridge. */
export const callChannel = 'amalgam:call'
export const eventChannel = 'amalgam:event'
/** Where the preload script puts the wire on the window. */
export const wireKey = 'amalgam'

export type { AdapterDetail }
