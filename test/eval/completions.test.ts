import { describe, expect, it } from 'vitest';
import { openFolder } from '#platform';
import { stopCondition } from '../../src/eval/completions.ts';
import { openTokenizer } from '../../src/model/language_model.ts';

const tokenizer = await openTokenizer(await openFolder('models/demo'));
const EOS = tokenizer.tokenToId('<|endoftext|>') as number;
const ids = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });

describe('stopCondition', () => {
  const stops = stopCondition({ tokenizer }, ['\nQ:', 'END']) as (ids: readonly number[]) => boolean;

  it('holds as soon as a stop text is there, and not before', () => {
    expect(stops(ids('7\nQ'))).toBe(false);
    expect(stops(ids('7\nQ:'))).toBe(true);
    expect(stops(ids('the END'))).toBe(true);
    expect(stops([])).toBe(false);
  });

  it('counts no special token, which decodes to nothing', () => {
    const parted = ids('7\nQ:').flatMap((id) => [id, ...Array<number>(9).fill(EOS)]);
    expect(tokenizer.decode(parted, { skipSpecialTokens: true })).toBe('7\nQ:');
    expect(stops(parted)).toBe(true);
    expect(stops(ids('7\nQ').flatMap((id) => [id, EOS, EOS]))).toBe(false);
  });
});
