import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSafetensors } from '../../src/model/safetensors.ts';
import { encodeSteering } from '../../src/model/steering.ts';
import { golden, goldenJson, relativeError } from '../setup/golden.ts';
import { trimtab } from './run.ts';

interface Greedy {
  prompt: string;
  prompt_ids: number[];
  completion_ids: number[];
  text: string;
}

const folder = mkdtempSync(join(tmpdir(), 'trimtab-models-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MODEL = ['--model', 'models/demo'];
const want = await golden('demo');
const steering = join(folder, 'steering.safetensors');
writeFileSync(
  steering,
  encodeSteering({ vectors: want.f32('steering'), numLayers: 6, hiddenSize: 128, metadata: { scale: '1' } }),
);

describe('trimtab generate', () => {
  it('prints what transformers generates, as {prompt_ids, completion_ids, text} and nothing else', async () => {
    const [first] = await goldenJson<Greedy[]>('demo-greedy');
    const { prompt, prompt_ids, completion_ids } = first as Greedy;
    const args = ['--prompt', prompt, '--max-new-tokens', '72', '--temperature', '0', '--raw', '--json'];
    const { code, stdout } = trimtab(['generate', ...MODEL, ...args]);
    expect(code).toBe(0);
    const out = JSON.parse(stdout);
    expect(Object.keys(out)).toEqual(['prompt_ids', 'completion_ids', 'text']);
    expect(out).toMatchObject({ prompt_ids, completion_ids });
    const plain = trimtab(['generate', ...MODEL, '--prompt', prompt, '--max-new-tokens', '72', '--raw']);
    expect(plain.stdout).toBe(`${out.text}\n`);
    const stop = out.text.slice(6, 10);
    const cut = trimtab(['generate', ...MODEL, '--prompt', prompt, '--max-new-tokens', '72', '--raw', '--stop', stop]);
    expect(cut.stdout).toBe(`${out.text.slice(0, out.text.indexOf(stop))}\n`);
  });

  it('adds vectors by their scale: 0 gives the text without, 1 another', () => {
    const args = [
      'generate',
      ...MODEL,
      '--prompt',
      'Question: Ada has 3 pens.',
      '--max-new-tokens',
      '12',
      '--raw',
      '--json',
    ];
    const [none, zero, one] = [[], ['--steering', steering, '--scale', '0'], ['--steering', steering]].map(
      (more) => JSON.parse(trimtab([...args, ...more]).stdout).text,
    );
    expect(zero).toBe(none);
    expect(one).not.toBe(none);
  });
});

describe('trimtab eval', () => {
  it('measures problems both ways and writes a line for every answer', () => {
    const details = join(folder, 'rows.jsonl');
    const { code, stdout } = trimtab(['eval', ...MODEL, '--limit', '3', '--details', details, '--json']);
    expect(code).toBe(0);
    const out = JSON.parse(stdout);
    for (const mode of ['greedy', 'sampled']) {
      const { accuracy, lo, hi, n } = out[mode];
      expect(n).toBe(3);
      expect(lo).toBeLessThanOrEqual(accuracy);
      expect(hi).toBeGreaterThanOrEqual(accuracy);
    }
    const rows = readFileSync(details, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => row.mode)).toEqual(['greedy', 'sampled', 'greedy', 'sampled', 'greedy', 'sampled']);
  });
});

describe('trimtab dump', () => {
  it('writes logits, activations, loss and gradient as PyTorch has them', () => {
    const [ids, out] = [join(folder, 'ids.json'), join(folder, 'dump.safetensors')];
    writeFileSync(ids, JSON.stringify(want.ids('ids')));
    expect(trimtab(['dump', ...MODEL, '--ids', ids, '--steering', steering, '--out', out]).code).toBe(0);
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(out)), out);
    const names = ['logits', ...[0, 1, 2, 3, 4, 5].map((l) => `resid_post.${l}`), 'logprobs', 'loss', 'grad.steering'];
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    for (const name of names) {
      const tensor = tensors.get(name);
      expect(relativeError(tensor?.data as Float32Array, want.f32(name)), name).toBeLessThan(1e-4);
    }
  });
});

describe('trimtab lens', () => {
  it('lists the tokens that every layer pushes up and down, how vectors lie, and what they do to a prompt', () => {
    const page = join(folder, 'lens.html');
    const prompt = ['--prompt', 'Question: Ada has 3 pens.', '--raw', '--positions', '-1,0', '--append', ' Step'];
    const args = ['--top', '3', '--bottom', '2', ...prompt, '--out', page];
    const { code, stdout } = trimtab(['lens', ...MODEL, '--steering', steering, ...args, '--json']);
    expect(code).toBe(0);
    const { layers, geometry, effects, append, warnings } = JSON.parse(stdout);
    expect(layers).toHaveLength(6);
    expect(layers[0].top).toHaveLength(3);
    expect(layers[0].final_norm.cosine.bottom).toHaveLength(2);
    expect(layers[0].norm).toBeGreaterThan(0);
    expect(geometry.singular_values).toHaveLength(6);
    expect(effects.map((effect: { position: number }) => effect.position)[1]).toBe(0);
    expect(effects[0].kl).toBeGreaterThan(0);
    expect(append.steered).not.toBe(append.base);
    expect(warnings).toEqual([expect.stringContaining('does not say which model')]);
    expect(readFileSync(page, 'utf8')).toContain('Control: the token appended');
  });

  it('says in table and JSON when vectors of another model were forced', () => {
    const other = join(folder, 'other.safetensors');
    const metadata = { model: 'f'.repeat(64) };
    writeFileSync(other, encodeSteering({ vectors: want.f32('steering'), numLayers: 6, hiddenSize: 128, metadata }));
    const args = ['lens', ...MODEL, '--steering', other, '--force'];
    const { code, stdout, stderr } = trimtab([...args, '--json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: .*another model.*as --force asks/);
    expect(JSON.parse(stdout).warnings).toEqual([expect.stringMatching(/another model.*as --force asks/)]);
  });
});

describe('trimtab doctor --dump-wgsl', () => {
  it('writes every shader that there is, with and without an adapter', () => {
    const out = join(folder, 'wgsl');
    const { code, stdout } = trimtab(['doctor', '--dump-wgsl', out, '--json'], { TRIMTAB_ADAPTER: 'native' });
    expect(code).toBe(0);
    const written = readdirSync(out);
    expect(written).toHaveLength(JSON.parse(stdout).shaders.length);
    const text = written.map((file) => readFileSync(join(out, file), 'utf8')).join('\n');
    for (const file of readdirSync('shaders').filter((name) => name.endsWith('.wgsl'))) {
      expect(text.includes(readFileSync(join('shaders', file), 'utf8').trim()), file).toBe(true);
    }
  });
});

describe('every command that runs a model', () => {
  it.each(['generate', 'eval', 'dump', 'lens', 'export', 'train', 'demo'])('%s --help shows examples', (command) => {
    const { code, stdout } = trimtab([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples:\\n {2}trimtab ${command}`));
  });
});
