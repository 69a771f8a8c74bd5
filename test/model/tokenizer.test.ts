import { beforeAll, describe, expect, it } from 'vitest';
import { openFile, openFolder } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { openModelSource } from '../../src/model/source.ts';
import { Tokenizer } from '../../src/model/tokenizer.ts';
import encodings from '../golden/gguf.json';
import { memoryFolder, repositoryPath } from '../setup/files.ts';
import { TINY_TOKENIZER, tinyModel } from './tiny_model.ts';

describe("the demonstration model's tokenizer", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = Tokenizer.fromSource(await openModelSource(await openFolder(repositoryPath('models/demo'))));
  });

  it.each([
    ['', []],
    ['Question: {question}\nAnswer:', [290, 26, 221, 91, 81, 288, 93, 199, 292, 26]],
    [
      'naïve café 日本 😀',
      [78, 65, 128, 108, 320, 311, 65, 70, 128, 103, 221, 163, 246, 99, 163, 251, 106, 221, 173, 254, 247, 223],
    ],
    ['<|endoftext|>12  x\n', [0, 17, 18, 221, 221, 88, 199]],
    [
      ' Step by step: 3 + 4 = \\boxed{7}',
      [361, 360, 362, 26, 221, 19, 221, 11, 221, 20, 221, 29, 221, 60, 325, 91, 23, 93],
    ],
  ])('encodes %j as the tokenizers of Python do, and decodes it again', (text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text);
  });

  it('leaves special tokens out where asked to', () => {
    expect(tokenizer.decode([17, 0, 18], { skipSpecialTokens: true })).toBe('12');
    expect(tokenizer.decode([17, 0, 18])).toBe('1<|endoftext|>2');
  });

  it('knows its end token, its size and its spelling', () => {
    expect(tokenizer.eosIds).toEqual([0]);
    expect(tokenizer.vocabSize).toBe(512);
    expect(tokenizer.idToToken(361)).toBe('ĠStep');
    expect(tokenizer.tokenToId('ĠStep')).toBe(361);
    expect(tokenizer.idToToken(9999)).toBeUndefined();
  });

  it('streams text token by token and holds back bytes of an unfinished character', () => {
    const stream = tokenizer.stream();
    const pieces = tokenizer.encode('é = 😀!').map((id) => stream.push(id));
    expect(pieces.join('')).toBe('é = 😀!');
    expect(pieces.filter((piece) => piece.includes('\ufffd'))).toEqual([]);
    expect(pieces.filter((piece) => piece === '')).toHaveLength(4); // one byte of é, three of the face
    expect(stream.flush()).toBe('');
  });

  it('streams broken bytes as what decoding at once makes of them', () => {
    const [first, second] = tokenizer.encode('😀') as [number, number];
    for (const ids of [[first], [first, 17], [first, first, second, 18], [17, first, second]]) {
      const stream = tokenizer.stream();
      expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe(tokenizer.decode(ids));
    }
  });
});

describe('tokenizers', () => {
  it('come out of a GGUF file and cut digits one by one where it says smollm', async () => {
    const source = await openModelSource(await openFile(repositoryPath('test/golden/gguf/tiny-Q8_0.gguf')));
    const tokenizer = Tokenizer.fromSource(source);
    for (const { text, ids } of encodings) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
    expect(tokenizer.eosIds).toEqual([2, 0]); // <|im_end|>, which the file names, and <|endoftext|>
    await source.close();
  });

  it('are missed in a message where a folder has none', async () => {
    const source = await openModelSource(memoryFolder('m', tinyModel({ files: { 'tokenizer.json': null } })));
    expect(() => Tokenizer.fromSource(source)).toThrow(UserError);
    expect(() => Tokenizer.fromSource(source)).toThrow(/^m has no tokenizer\.json/);
  });

  it('are refused when they are of an unknown kind', async () => {
    const odd = { ...TINY_TOKENIZER, pre_tokenizer: { type: 'Runes' } };
    const source = await openModelSource(memoryFolder('m', tinyModel({ files: { 'tokenizer.json': odd } })));
    expect(() => Tokenizer.fromSource(source)).toThrow(UserError);
    expect(() => Tokenizer.fromSource(source)).toThrow(/^m\/tokenizer\.json cannot be read as a tokenizer/);
  });

  it('refuse to make a token that the model does not have', async () => {
    const larger = {
      ...TINY_TOKENIZER,
      added_tokens: [...TINY_TOKENIZER.added_tokens, { id: 6, content: '<pad>', special: true }],
    };
    const tokenizer = Tokenizer.fromSource(
      await openModelSource(memoryFolder('m', tinyModel({ files: { 'tokenizer.json': larger } }))),
    );
    expect(tokenizer.encode('abe<end>')).toEqual([0, 1, 4, 5]);
    expect(() => tokenizer.encode('a<pad>')).toThrow(/makes token 6 \("<pad>"\).*vocab_size is 6/);
  });

  it('belong to a model whose embedding is as large or larger', async () => {
    const model = { ...TINY_TOKENIZER.model, vocab: { ...TINY_TOKENIZER.model.vocab, f: 6 } };
    const files = { 'tokenizer.json': { ...TINY_TOKENIZER, model } };
    const open = async (vocab_size: number) =>
      Tokenizer.fromSource(await openModelSource(memoryFolder('m', tinyModel({ config: { vocab_size }, files }))));
    await expect(open(6)).rejects.toThrow(UserError);
    await expect(open(6)).rejects.toThrow(/^m\/tokenizer\.json has tokens up to 6, and the model's vocab_size is 6/);
    expect((await open(7)).encode('f')).toEqual([6]);
    expect((await open(64)).encode('f')).toEqual([6]);
  });
});
