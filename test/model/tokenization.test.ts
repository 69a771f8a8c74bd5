import { describe, expect, it } from 'vitest';
import { openFile, readFile } from '#platform';
import { readGgufMetadata } from '../../src/model/gguf_header.ts';
import { ggufTokenizer } from '../../src/model/gguf_tokenizer.ts';
import { Tokenizer } from '../../src/model/tokenizer.ts';
import type { TokenizerData } from '../../src/model/weight_table.ts';
import hashes from '../golden/tokenization/hashes.json';
import texts from '../golden/tokenization/texts.json';
import { hasShared, repositoryPath, sharedPath } from '../setup/files.ts';

/** FNV-1a over the four bytes of each number, as test/golden/tokenization.py has it. */
function hashOf(numbers: Iterable<number>): string {
  let value = 0x811c9dc5;
  for (const byte of new Uint8Array(Uint32Array.from(numbers).buffer))
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value.toString(16).padStart(8, '0');
}

const tokenizer = (data: TokenizerData) => new Tokenizer(data, { vocab_size: 1e6, eos_token_id: [] });

async function fromGguf(path: string): Promise<Tokenizer> {
  const file = await openFile(path);
  const { tokenizer: data } = ggufTokenizer(await readGgufMetadata(file));
  await file.close();
  return tokenizer(data as TokenizerData);
}

async function fromJson(path: string): Promise<Tokenizer> {
  return tokenizer({ json: JSON.parse(new TextDecoder().decode(await readFile(path))), where: path });
}

/** Texts whose ids, or whose text from the ids, are others than those of the Python package. */
function differences(tok: Tokenizer, golden: string): { ids: string[]; decoded: string[] } {
  const [ids, decoded]: [string[], string[]] = [[], []];
  for (const [i, text] of texts.entries()) {
    const found = tok.encode(text, { addSpecialTokens: true });
    if (hashOf(found) !== golden.slice(16 * i, 16 * i + 8)) ids.push(text);
    const back = new TextEncoder().encode(tok.decode(tok.encode(text)));
    if (hashOf(back) !== golden.slice(16 * i + 8, 16 * i + 16)) decoded.push(text);
  }
  return { ids, decoded };
}

const GGUF = ['default', 'smollm', 'qwen2', 'llama-bpe', 'llama', 'llama-no-prefix'] as const;

describe(`${texts.length} difficult texts have the ids of the Python package tokenizers, and come back from them`, () => {
  it.each(GGUF)('with a vocabulary of the kind %s', async (name) => {
    const tok = await fromGguf(repositoryPath(`test/golden/tokenization/${name}.gguf`));
    expect(differences(tok, hashes[name])).toEqual({ ids: [], decoded: [] });
  });

  it.each(['qwen2', 'llama', 'llama-no-prefix'] as const)('and stream as they decode (%s)', async (name) => {
    const tok = await fromGguf(repositoryPath(`test/golden/tokenization/${name}.gguf`));
    for (const text of texts.filter((_, i) => i % 10 === 0)) {
      const ids = tok.encode(text);
      const stream = tok.stream();
      expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe(tok.decode(ids));
    }
  });

  it('with the tokenizer of the demonstration model', async () => {
    const tok = await fromJson(repositoryPath('models/demo/tokenizer.json'));
    expect(differences(tok, hashes.demo)).toEqual({ ids: [], decoded: [] });
  });

  it.skipIf(!hasShared)('with the vocabulary of SmolLM2', async () => {
    const tok = await fromGguf(sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf'));
    expect(differences(tok, hashes.smollm2)).toEqual({ ids: [], decoded: [] });
  });
});
