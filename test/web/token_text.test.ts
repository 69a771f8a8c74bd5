import { describe, expect, it } from 'vitest';
import { inline, pieces, share } from '../../web/ui/token_text.ts';

describe('the text of tokens', () => {
  it('keeps every character, and has a sign for those that could hide', () => {
    const text = ' a\tb\r\nc\u0007\u202e\u200b\u00a0é日👍<img>';
    expect(
      pieces(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
    expect(inline(text)).toBe('·a⇥b↵c␇U+202EU+200BU+00A0é日👍<img>');
    expect(pieces('  x').map(({ kind }) => kind)).toEqual(['space', 'text']);
    expect(pieces('\r')[0]).toEqual({ kind: 'control', text: '\r', sign: '␍' });
    expect(pieces('')).toEqual([]);
  });

  it('writes shares with the digits that say something', () => {
    expect([1, 0.9996, 0.62, 0.0999, 0.004, 0.0002, 1e-9].map(share)).toEqual([
      '100 %',
      '100 %',
      '62 %',
      '10 %',
      '0.4 %',
      '0.02 %',
      '< 0.01 %',
    ]);
  });
});
