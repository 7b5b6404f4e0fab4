import type { Problem } from '../contract/problems.ts'
import { isObject, rowProblem, textOf, type Row } from './read-rows.ts'

type Role = 'system' | 'user' | 'assistant'

/** Names of roles in files of conversations. */
const roles: Readonly<Record<string, Role>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  model: 'assistant',
  bot: 'assistant',
}

/** The field of a row that holds its conversation, undefined where there is none. */
export function conversationField(fields: Row['fields']): string | undefined {
  return ['messages', 'conversations', 'conversation'].find((name) => Array.isArray(fields[name]))
}

/**
 * A conversation as fields: system, user (the last question), answer (what the assistant said to it) and, where there was more before, history. Other
 * fields of the row stay. A problem where the conversation does not end with an answer or has parts that are no text.
 */
export function conversationRow(row: Row, path: string): Row | Problem {
  const field = conversationField(row.fields)
  if (field === undefined) return rowProblem(path, row.place, 'has no list of messages', 'Give it "messages", each with role and content.')
  const messages = (row.fields[field] as readonly unknown[]).map(messageOf)
  if (messages.includes(null))
    return rowProblem(
      path,
      row.place,
      'has a message that is not understood',
      'A message has a role (system, user, assistant) and a text as content.',
    )
  const known = messages.filter((message) => message !== null)
  const system = known
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content)
    .join('\n')
  const turns = known.filter(({ role }) => role !== 'system')
  const [question, answer] = turns.slice(-2)
  if (question?.role !== 'user' || answer?.role !== 'assistant')
    return rowProblem(
      path,
      row.place,
      'does not end with a question and its answer',
      'The last two messages must be of the user and of the assistant.',
    )
  const history = turns
    .slice(0, -2)
    .map(({ role, content }) => `${role}: ${content}`)
    .join('\n')
  const { [field]: _messages, ...others } = row.fields
  return { place: row.place, fields: { ...others, system, history, user: question.content, answer: answer.content } }
}

function messageOf(value: unknown): { readonly role: Role; readonly content: string } | null {
  if (!isObject(value)) return null
  const name = textOf(value['role'] ?? value['from'])?.toLowerCase() ?? ''
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined
  const content = contentOf(value['content'] ?? value['value'])
  return role === undefined || content === undefined ? null : { role, content }
}

/** The content of a message: a text, or a list of parts that are all texts. */
function contentOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return textOf(value)
  const parts = value.map((part: unknown) => (isObject(part) && part['type'] === 'text' ? textOf(part['text']) : undefined))
  return parts.includes(undefined) ? undefined : parts.join('')
}
