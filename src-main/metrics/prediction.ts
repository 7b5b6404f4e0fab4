/** Stands before the final answer in worked answers. */
const finalMarker = '####'

/**
 * The answer in a generated text (recycling-loras.md 1.7): what stands after its last "####", or all of it, without white space around it. The text
 * ends with the model's turn. Expected answers are read in the same way, so that a worked one is compared by its final answer.
 */
export function predictionOf(text: string): string {
  const at = text.lastIndexOf(finalMarker)
  return (at < 0 ? text : text.slice(at + finalMarker.length)).trim()
}
