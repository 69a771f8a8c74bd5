import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSteering } from '../../src/model/steering.ts';
import { trimtab } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-bad-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** The demonstration model with something done to it. */
function broken(name: string, change: (folder: string) => void): void {
  cpSync('models/demo', at(name), { recursive: true, filter: (path) => !path.includes('recipe') });
  change(at(name));
}

function edit(path: string, fields: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...fields }));
}

function steering(name: string, numLayers: number, fill = 0): void {
  const metadata = { model: 'another' };
  const vectors = new Float32Array(numLayers * 128).fill(fill);
  writeFileSync(at(name), encodeSteering({ vectors, numLayers, hiddenSize: 128, metadata }));
}

beforeAll(() => {
  broken('truncated', (path) => truncateSync(join(path, 'model.safetensors'), 1_000_000));
  broken('shape', (path) => edit(join(path, 'config.json'), { intermediate_size: 400 }));
  broken('architecture', (path) => edit(join(path, 'config.json'), { model_type: 'gpt2' }));
  broken('tokenizerless', (path) => rmSync(join(path, 'tokenizer.json')));
  writeFileSync(at('magic.gguf'), 'hello');
  writeFileSync(at('short.gguf'), readFileSync('test/golden/gguf/tiny-Q8_0.gguf').subarray(0, 20_000));
  writeFileSync(at('line.jsonl'), '{"question": "a", "answer": "1"}\n{"question": "b"\n');
  writeFileSync(at('column.jsonl'), '{"question": "a", "answer": "1"}\n\n{"question": "b"}\n');
  writeFileSync(at('empty.jsonl'), '');
  writeFileSync(
    at('long.jsonl'),
    `{"question": "a", "answer": "1"}\n{"question": "${'How many? '.repeat(400)}", "answer": "1"}\n`,
  );
  writeFileSync(at('key.yaml'), '# mine\nmax_stepz: 3\n');
  writeFileSync(at('value.yaml'), 'max_steps: many\n');
  writeFileSync(at('ids.json'), '[1, 2, 999999]');
  writeFileSync(at('fine.json'), '[1, 2, 3]');
  writeFileSync(at('nothing.mjs'), 'export const reward = 1;\n');
  writeFileSync(at('syntax.mjs'), 'export default (\n');
  steering('other.safetensors', 5);
  steering('stranger.safetensors', 6);
  steering('nan.safetensors', 6, Number.NaN);
  steering('one.safetensors', 6, 1);
  mkdirSync(at('used'));
  writeFileSync(at('used/metrics.jsonl'), '');
  mkdirSync(at('new'));
  mkdirSync(at('folders/checkpoint.safetensors'), { recursive: true });
});

const GENERATE = ['generate', '--prompt', 'x', '--model'];
const DEMO = ['--model', 'models/demo'];

/** Command line; what the message has to say. `@` stands for the folder. */
const CASES: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  ['a model that is not there', [...GENERATE, '@nowhere'], /There is no .*nowhere/],
  ['a .gguf file that is not there', [...GENERATE, '@nowhere.gguf'], /There is no .*nowhere\.gguf/],
  ['truncated weights', [...GENERATE, '@truncated'], /model\.safetensors is truncated: .*2504576 bytes.*1000000/],
  ['a truncated GGUF file', [...GENERATE, '@short.gguf'], /short\.gguf is truncated: .*20000/],
  ['a wrong magic number', [...GENERATE, '@magic.gguf'], /magic\.gguf is not a GGUF file: it begins with 68 65 6c 6c/],
  [
    'tensors of another shape',
    [...GENERATE, '@shape'],
    /gate_proj\.weight has the shape \[384, 128\], the configuration asks for \[400, 128\]/,
  ],
  [
    'an architecture that is not supported',
    [...GENERATE, '@architecture'],
    /"gpt2".*not supported\. Supported: qwen2, qwen3, llama, mistral/,
  ],
  ['no tokenizer', [...GENERATE, '@tokenizerless'], /has no tokenizer\.json: copy/],
  [
    'weights above the memory budget',
    [...GENERATE, 'models/demo', '--memory-budget', '1MB'],
    /take 2\.4 MiB, and the memory budget is 1 MiB\. Raise/,
  ],
  [
    'vectors of another model',
    [...GENERATE, 'models/demo', '--steering', '@other.safetensors'],
    /5 layers of 128, but this model has 6 layers/,
  ],
  ...['generate --prompt x', 'lens', 'eval', 'dump --ids @fine.json --out @o'].map(
    (line) =>
      [
        `vectors of another model of the same shape, ${line.split(' ')[0]}`,
        [...line.split(' '), ...DEMO, '--steering', '@stranger.safetensors'],
        /vectors of another model than demo, of the same shape \(fingerprint another, .*--force/,
      ] as const,
  ),
  [
    'a control vector for the first layer',
    ['export', ...DEMO, '--steering', '@one.safetensors', '--force', '--format', 'gguf', '--out', '@c.gguf'],
    /has a vector of layer 0, and llama\.cpp's control vectors begin with layer 1.*--drop-layer-0/,
  ],
  [
    'vectors that are not finite',
    [...GENERATE, 'models/demo', '--steering', '@nan.safetensors', '--force'],
    /number 0 of layer 0 is NaN/,
  ],
  [
    'a position that the prompt does not have',
    ['lens', ...DEMO, '--steering', '@stranger.safetensors', '--force', '--raw', '--prompt', 'x', '--positions', '5'],
    /--positions names 5, and the prompt has 1 tokens/,
  ],
  [
    'a layer that has no vector',
    ['lens', ...DEMO, '--steering', '@stranger.safetensors', '--force', '--raw', '--prompt', 'x', '--layers', '6'],
    /--layers names 6, and the vectors are of layers 0 to 5/,
  ],
  ...['@fine.json/x', ...(process.platform === 'linux' ? ['/proc/nothing'] : [])].map(
    (place) =>
      [
        `a place of the profile that cannot be written, ${place}`,
        [...GENERATE, 'models/demo', '--profile', place],
        /cannot be written: (a part of the path is a file|there is no such folder)/,
      ] as const,
  ),
  [
    'a configuration that would be the place of the profile',
    ['train', '--profile', '@key.yaml'],
    /Write the configuration first: .*key\.yaml --profile; or a place after it/,
  ],
  ['an empty place of the profile', ['train', ...DEMO, '--profile', ''], /a folder or a \.json file/],
  [
    'weights given as vectors',
    [...GENERATE, 'models/demo', '--steering', 'models/demo/model.safetensors'],
    /no steering vectors: expected a tensor "steering"/,
  ],
  [
    'a sweep that there is not',
    ['bench', '--sweep', 'tokens,length'],
    /--sweep has "length"\. There are tokens, batch, completions, context, layers and all/,
  ],
  ['a page of no sweeps', ['bench', '--page', '@page.html'], /--page shows sweeps: say which with --sweep/],
  [
    'a page in a folder that is not there',
    ['bench', '--sweep', 'tokens', '--page', '@nowhere/page.html'],
    /nowhere\/page\.html cannot be written: there is no such folder/,
  ],
  ['a scale without vectors', [...GENERATE, 'models/demo', '--scale', '2'], /give them with --steering/],
  ['an empty prompt', ['generate', ...DEMO, '--prompt', ''], /--prompt is empty/],
  [
    'a prompt longer than the context',
    ['generate', ...DEMO, '--prompt', 'word '.repeat(600)],
    /tokens long, and the context holds 512/,
  ],
  [
    'token ids beyond the vocabulary',
    ['dump', ...DEMO, '--ids', '@ids.json', '--out', '@o'],
    /token 2 is 999999: ids go from 0 to 511/,
  ],
  [
    'a problem line that is not JSON',
    ['eval', ...DEMO, '--data', '@line.jsonl'],
    /line\.jsonl:2: one JSON object .*expected/,
  ],
  [
    'a problem without an answer',
    ['eval', ...DEMO, '--data', '@column.jsonl'],
    /column\.jsonl:3: an answer .*expected/,
  ],
  ['no problems', ['eval', ...DEMO, '--data', '@empty.jsonl'], /empty\.jsonl: problems were expected/],
  [
    'a problem longer than the context, measuring',
    ['eval', ...DEMO, '--data', '@long.jsonl'],
    /long\.jsonl:2: .* tokens long, and the context holds 512/,
  ],
  [
    'a problem longer than the context, training',
    ['train', ...DEMO, '--data', '@long.jsonl'],
    /long\.jsonl:2: .* tokens long, and the context holds 512/,
  ],
  [
    'a file that cannot be written',
    ['eval', ...DEMO, '--details', '@no/such/rows.jsonl'],
    /rows\.jsonl cannot be written: there is no such folder/,
  ],
  [
    'a file whose name is too long',
    ['dump', ...DEMO, '--ids', '@fine.json', '--out', `@${'x'.repeat(300)}`],
    /cannot be written: the name is too long/,
  ],
  [
    'a run folder whose name is too long',
    ['train', ...DEMO, '--out', `@${'x'.repeat(300)}`],
    /cannot be written: a part of the path is too long a name/,
  ],
  [
    'a folder where a run has a file',
    ['train', '--resume', '@folders'],
    /checkpoint\.safetensors cannot be read: it is a folder/,
  ],
  ['no model', ['train'], /No model was named/],
  ['an unknown key', ['train', '@key.yaml'], /key\.yaml:2: unknown key max_stepz; did you mean max_steps\?/],
  ['a wrong value', ['train', '@value.yaml'], /value\.yaml:1: max_steps is "many"; expected a whole number/],
  ['a wrong option', ['train', ...DEMO, '--steps', '0'], /max_steps is 0; expected a whole number of at least 1/],
  ['an unknown option', ['train', ...DEMO, '--stepz', '3'], /Did you mean --steps\?/],
  ['a layer that is not there', ['train', ...DEMO, '--layers', '[0, 6]'], /layer 6, and the model has layers 0 to 5/],
  [
    'a run above the memory budget',
    ['train', ...DEMO, '--memory-budget', '3MB', '--recompute', 'none'],
    /needs .* MiB of GPU memory, and the memory budget is 3.0 MiB: weights 2.4 MiB.*recompute to layer/,
  ],
  [
    'a prompt that is no file',
    ['train', ...DEMO, '--prompt', 'mine'],
    /is no preset .*, holds no \{question\}, and is no file/,
  ],
  ['a reward that is not there', ['train', ...DEMO, '--reward', 'nope.js'], /there is no such file/],
  [
    'a reward module without a default export',
    ['train', ...DEMO, '--reward', '@nothing.mjs'],
    /its default export must be a function/,
  ],
  [
    'a reward module that does not parse',
    ['train', ...DEMO, '--reward', '@syntax.mjs'],
    /cannot be loaded: SyntaxError/,
  ],
  ['a run folder that holds a run', ['train', ...DEMO, '--out', '@used'], /already holds a run \(metrics\.jsonl\)/],
  [
    'a run folder that is a file',
    ['train', ...DEMO, '--out', '@ids.json'],
    /cannot be written: there is a file of that name/,
  ],
  [
    'nothing to resume',
    ['train', '--resume', '@new'],
    /checkpoint\.safetensors does not exist: there is nothing to resume/,
  ],
  ['no folder to resume', ['train', '--resume', '@nowhere'], /There is no run folder/],
];

describe('what the user got wrong is one message and exit code 2', () => {
  it.each(CASES)('%s', (_, args, message) => {
    const { code, stdout, stderr } = trimtab(args.map((arg) => arg.replace(/^@/, `${folder}/`)));
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n').filter((line) => line.startsWith('error: '))).toHaveLength(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('mistake in trimtab');
  });

  it('no adapter', () => {
    const none = {
      TRIMTAB_ADAPTER: 'native',
      LD_LIBRARY_PATH: undefined,
      VK_ICD_FILENAMES: '/none',
      VK_DRIVER_FILES: '/none',
    };
    const { code, stderr } = trimtab(['generate', ...DEMO, '--prompt', 'x'], none);
    // Macs and Windows always have one.
    expect(code).toBe(process.platform === 'linux' ? 2 : 0);
    if (code !== 0) expect(stderr).toMatch(/error: No WebGPU adapter was found\. `npx trimtab doctor`/);
  });

  it('leaves no empty file behind when nothing was measured', () => {
    const files = ['--details', at('rows.jsonl'), '--report', at('r.html')];
    expect(trimtab(['eval', ...DEMO, ...files]).stderr).toContain('belong to --compare');
    expect(trimtab(['eval', ...DEMO, '--details', at('rows.jsonl'), '--memory-budget', '1MB']).code).toBe(2);
    for (const file of ['rows.jsonl', 'r.html']) expect(existsSync(at(file)), file).toBe(false);
  });

  it('leaves no run folder behind when nothing was run', () => {
    expect(trimtab(['train', ...DEMO, '--memory-budget', '3MB', '--out', at('unborn')]).code).toBe(2);
    expect(existsSync(at('unborn'))).toBe(false);
  });
});
