/** How much of a completion is read, in characters: far above any completion length, it bounds the work on hostile text. */
const MAX_TEXT = 1 << 20;

const OPENING = '\\boxed{';

/**
 * The contents of every balanced `\boxed{…}` in the order of their openings, in one pass and linear time.
 * Escaped braces (`\{`, `\}`) do not count as braces; a box that is never closed is no box.
 */
function boxes(text: string): string[] {
  const end = Math.min(text.length, MAX_TEXT);
  const open: (number | undefined)[] = []; // where the box's content starts; undefined for a plain brace
  const found: { start: number; content: string }[] = [];
  let at = 0;
  while (at < end) {
    const char = text[at];
    if (text.startsWith(OPENING, at)) {
      at += OPENING.length;
      open.push(at);
      continue;
    }
    if (char === '\\' && !text.startsWith(OPENING, at + 1)) {
      at += 2;
      continue;
    }
    if (char === '{') open.push(undefined);
    if (char === '}') {
      const start = open.pop();
      if (start !== undefined) found.push({ start, content: text.slice(start, at).trim() });
    }
    at += 1;
  }
  return found.sort((a, b) => a.start - b.start).map((box) => box.content);
}

/**
 * The content of the last balanced `\boxed{…}`, trimmed; `''` for an empty box, undefined without any box.
 * Nothing else counts as an answer: no `\boxed 5`, no `\fbox{5}`, no earlier box when the last is empty.
 */
export function extractBoxed(text: string): string | undefined {
  return boxes(text).at(-1);
}

/** Whether the text holds any balanced box with something in it, right or wrong: the format-only control. */
export function hasFilledBox(text: string): boolean {
  return boxes(text).some((content) => content !== '');
}
