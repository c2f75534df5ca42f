/** Removes the given characters from both ends of a text. */
export function trim(text: string, characters: string): string {
  let start = 0
  while (start < text.length && characters.includes(text.charAt(start))) start += 1
  return trimEnd(text.slice(start), characters)
}

/**
 * Removes the given characters from the end of a text. A pattern such as `/x+$/` takes quadratic time: it tries a run of
 * n characters that is not at the end from each of its n positions.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}
