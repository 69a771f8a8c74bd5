/** Text as it may be shown: every character that could hide is a sign, and the rest is itself. */
interface Piece {
  readonly kind: 'text' | 'space' | 'newline' | 'tab' | 'control';
  readonly text: string;
  /** What stands for it. */
  readonly sign?: string;
}

/** Controls, marks of direction, zero-width and unusual spaces: what changes a text without being seen. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const PARTS = /( +)|(\r?\n)|(\t)|([\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs})|([^ \n\t\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}]+)/gu;

/** A token's text in pieces, for text nodes. */
export function pieces(text: string): Piece[] {
  return [...text.matchAll(PARTS)].map(([part, space, newline, tab]) => {
    if (space) return { kind: 'space', text: part };
    if (newline) return { kind: 'newline', text: part, sign: '↵' };
    if (tab) return { kind: 'tab', text: part, sign: '⇥' };
    return HIDDEN.test(part) ? { kind: 'control', text: part, sign: picture(part) } : { kind: 'text', text: part };
  });
}

/** A token in one short line, as in tables: `·Step`, `↵`. */
export function inline(text: string): string {
  const shown = pieces(text).map(({ kind, text, sign }) =>
    kind === 'space' ? '·'.repeat(text.length) : (sign ?? text),
  );
  return shown.join('');
}

/** `␇` for the old controls, `U+202E` for the others. */
function picture(control: string): string {
  const code = control.codePointAt(0) as number;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** `62 %`, `0.4 %`, `< 0.01 %`. */
export function share(probability: number): string {
  const percent = 100 * probability;
  if (percent >= 99.95) return '100 %';
  if (percent >= 9.95) return `${percent.toFixed(0)} %`;
  if (percent >= 0.095) return `${percent.toFixed(1)} %`;
  return percent >= 0.01 ? `${percent.toFixed(2)} %` : '< 0.01 %';
}
