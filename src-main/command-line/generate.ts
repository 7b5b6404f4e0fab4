import type { Generation } from '../contract/run.ts'
import { Refusal } from '../contract/problems.ts'
import { outcome, type Command } from './command.ts'
import { withChecked } from './eval.ts'
import { findBase, findRecipe, findSubjects } from './find-evaluated.ts'

/** `generate PROMPT`: one prompt answered, to try an adapter. */
export const generateCommand: Command = {
  name: 'generate',
  summary: 'Answer one prompt, by a base model alone or with an adapter or a recipe.',
  takes: 'PROMPT',
  least: 1,
  most: 1,
  options: [
    { name: 'base', value: 'BASE', help: 'The base model: id, name, or the path of its folder. Needed.' },
    { name: 'adapter', value: 'ADAPTER', help: 'An adapter: id, unique name or path.' },
    { name: 'recipe', value: 'RECIPE', help: 'A recipe that is not merged: a file, or "-".' },
    { name: 'system', value: 'TEXT', help: 'The system message, as the instruction of a task.' },
    { name: 'max-new-tokens', value: 'COUNT', help: 'Most tokens that are generated; 200 when not given.' },
  ],
  notes: () => ['Decoding is greedy. The prompt is put into the chat template of the base model.'],
  run: (given, context) =>
    withChecked(
      given,
      context,
      async (session) => {
        const baseId = await findBase(session, given.value('base') ?? '', context)
        const recipe = given.has('recipe') ? await findRecipe(session, given.value('recipe') ?? '', context) : null
        const [adapter] = await findSubjects(session, given.values('adapter'), context)
        const { generation, problems } = await session.services.prompter.answer(
          {
            baseId,
            subject: recipe ?? adapter ?? { kind: 'base' },
            system: given.value('system') ?? '',
            user: given.positionals[0] ?? '',
            maxNewTokens: Number(given.value('max-new-tokens') ?? usualNewTokens),
          },
          context.signal,
        )
        if (!generation) throw new Refusal(problems)
        return outcome(generation, generationLines(generation), problems)
      },
      ['base'],
    ),
}

const usualNewTokens = 200

function generationLines({ text, newTokens, ended }: Generation): readonly string[] {
  return ended ? [text] : [text, '', `(stopped after ${newTokens} tokens)`]
}
