/**
 * Characters that a terminal or a viewer acts on instead of showing them: controls, line separators, bidirectional and
 * other format characters, ignorable characters, and halves of surrogate pairs.
 */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Replaces invisible characters by escapes such as `\u{1b}`, so that no text of a client or a provider can forge a log. */
export function escapeInvisible(text: string): string {
  return text.replace(invisible, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)
}
