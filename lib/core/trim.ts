/** A text without the given characters at both ends, and without any other. */
export function trim(text: string, characters: string): string {
  let start = 0
  while (start < text.length && characters.includes(text.charAt(start))) start += 1
  return trimEnd(text.slice(start), characters)
}

/**
 * A text without the given characters at its end. By index, since `/x+$/` takes quadratic time: a run of n characters
 * that is not at the end is tried from each of its n places.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1
  return text.slice(0, end)
}
