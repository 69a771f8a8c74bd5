/** Terminal columns of a text: control sequences take none, wide characters (CJK, emoji) two. */
export function displayWidth(text: string): number {
  let width = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences start with the escape character
  for (const char of text.replace(/\x1b\[[\d;]*m/g, '')) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\p{Emoji_Presentation}]/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}

const NUMERIC = /^[-+]?[\d.,]+(?:e[-+]?\d+)?(?: ?[%a-zA-Z/]+)?$/;

/**
 * A table with aligned columns, two spaces between them, a rule under the head. A column is set to the right when all its
 * cells are numbers (or empty).
 */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => head.map((_, column) => String(row[column] ?? '')));
  const right = head.map(
    (_, column) => cells.length > 0 && cells.every((row) => row[column] === '' || NUMERIC.test(row[column] as string)),
  );
  const widths = head.map((title, column) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[column] as string))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] as number) - displayWidth(cell));
        return right[column] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}
