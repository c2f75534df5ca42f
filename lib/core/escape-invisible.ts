/**
 * Replaces characters that a terminal or a viewer acts on instead of showing them by escapes such as `\u{1b}`, so that no
 * text of a client or a provider can forge a log. These are controls, line separators, bidirectional and other format
 * characters, ignorable characters, and halves of surrogate pairs.
 */
export function escapeInvisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, escapeCharacter)
}

/**
 * Replaces controls, line separators and bidirectional characters by escapes. Joiners and the like stay, so that an
 * identifier in an event equals that of the user in any language.
 */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, escapeCharacter)
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}
