import type { RunRow } from '../../../src-main/contract/runs-list.ts'
import type { AppState } from '../../state/context.ts'

/** Shows a run in the section it comes from. */
export async function openRun(app: AppState, { kind, id }: Pick<RunRow, 'kind' | 'id'>): Promise<void> {
  const { compare, evaluate, adapt, navigation, settings, runActions } = app
  if (kind === 'plan') {
    navigation.go('compare')
    await compare.openPlan(id)
  } else if (kind === 'adaptation') {
    navigation.go('adapt')
    await adapt.open(id)
  } else {
    const run = await runActions.evaluation(id)
    if (!run) return
    settings.setLayout('evaluate.tab', 'results')
    navigation.go('evaluate')
    await evaluate.choose({ baseId: run.baseId, split: run.split })
    evaluate.openRun = id
  }
}

/** Fills the form of Compare with the same plan, to be changed and run anew. */
export async function planLike({ runActions, compareDraft, navigation }: AppState, { id }: Pick<RunRow, 'id'>): Promise<void> {
  const file = await runActions.planFile(id)
  if (!file) return
  compareDraft.draftFrom(file)
  navigation.go('compare')
}
