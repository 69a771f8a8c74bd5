import { Option } from 'commander';
import { cache } from '#platform';
import { blockBytes, blockedBytes } from '../../gpu/blocks.ts';
import type { Device } from '../../gpu/device.ts';
import { UserError } from '../../gpu/errors.ts';
import type { Matrix } from '../../gpu/matrix.ts';
import { parseTuning, tuningName, writeTuning } from '../../gpu/tuning.ts';
import { LINEAR_ORDERS, type LinearOrder } from '../../kernels/linear_kernel.ts';
import {
  hasOrder,
  identityOf,
  lacking,
  type Measured,
  mergedTuning,
  staleness,
  type TunedMatrices,
  tuneProducts,
  tuningFile,
} from '../../kernels/tune.ts';
import { HEAD_TILE } from '../../model/log_probabilities.ts';
import type { Model } from '../../model/model.ts';
import type { WeightDType } from '../../model/weight_loader.ts';
import { type Context, defineCommand } from '../command.ts';
import { addModelOptions } from '../model_options.ts';
import { number } from '../options.ts';
import { checkWritable, replaceOutput } from '../output_files.ts';
import { Progress } from '../progress.ts';
import { loadModel, openFiles } from '../setup.ts';

interface Options {
  model?: string;
  dtype: WeightDType;
  memoryBudget?: number;
  shape?: string;
  rows?: string;
  order: LinearOrder;
  seconds?: number;
  out?: string;
}

/** Time for measuring where none is named: a software adapter takes seconds to compile a product's variants, and a small model has 50 products. */
const SECONDS = 5;
const SOFTWARE_SECONDS = 240;

export const command = defineCommand<Options>({
  examples: [
    [
      'trimtab tune --model ./Qwen2.5-1.5B',
      'measure for a few seconds (minutes on a software adapter); later commands use what was fastest',
    ],
    [
      'trimtab tune --model ./Qwen2.5-1.5B --order sliced --out sliced.json',
      'another order of summation, into a file for --tuning',
    ],
    ['trimtab tune --shape 4096x4096 --rows 4096 --dtype f16', 'one product, and how fast each variant computes it'],
    ['trimtab tune --model ./Qwen2.5-1.5B --order matrix_f16 --toggles allow_unsafe_apis', 'matrix units'],
  ],
  configure(command) {
    addModelOptions(command, { required: false })
      .addOption(
        new Option('--order <name>', 'how products add their terms; another than sequential is kept only with --out')
          .choices(LINEAR_ORDERS)
          .default('sequential'),
      )
      .option(
        '--shape <NxK>',
        'measure a matrix of this shape instead of a model’s, in the type of --dtype; kept only with --out',
      )
      .option('--rows <list>', 'rows of x, separated by commas; default: 1 to 1024')
      .option(
        '--seconds <number>',
        `time for measuring (default: ${SECONDS}, on a software adapter ${SOFTWARE_SECONDS}: it compiles slowly)`,
        number(),
      )
      .option('--out <file>', 'write this file for --tuning instead of the cache');
  },
  async run(context, options) {
    if (options.out) await checkWritable(options.out);
    const { device, matrices, kept } = await subject(context, options);
    if (!hasOrder(device.caps, options.order)) throw new UserError(`${lacking(device.caps, options.order)}.`);
    const seconds = options.seconds ?? (device.caps.isSoftware ? SOFTWARE_SECONDS : SECONDS);
    const measured: Measured[] = [];
    let products = 0;
    let progress: Progress | undefined;
    const begun = performance.now();
    const tuning = await tuneProducts(device, matrices, {
      order: options.order,
      budget: 1000 * seconds,
      onPlanned(count) {
        products = count;
        progress = new Progress({ label: 'products', total: count });
        progress.tick(`at most ${seconds} s`);
      },
      onMeasured(one) {
        measured.push(one);
        progress?.above(() => context.print(line(one)));
        progress?.update(measured.length);
      },
    }).finally(() => progress?.finish());
    const took = (performance.now() - begun) / 1000;
    const name = await tuningName(identityOf(device));
    const store = cache();
    if (options.out) await replaceOutput(options.out, writeTuning(await tuningFile(device, tuning)));
    // What every later command takes by itself must not change its bits.
    const cached = kept && options.order === 'sequential';
    if (!options.out && cached) {
      // The file is the adapter's, for all models.
      const before = parseTuning((await store.read(name)) ?? '');
      const valid = before && (await staleness(device, before)) === undefined;
      const all = valid ? mergedTuning(before, tuning, measured) : tuning;
      await store.write(name, writeTuning(await tuningFile(device, all)));
    }
    const where = options.out ?? (cached ? `${store.where}/${name}` : undefined);
    const changed = Object.keys(tuning.choices).length;
    context.print(
      `${changed} of ${measured.length} choices differ from the untuned ones${where === undefined ? '' : `; kept in ${where}`}`,
    );
    if (measured.length < products) context.print(unfinished(measured.length, products, took));
    context.printJson({ where, ...tuning, measured, products });
  },
});

/** Says that the time did not suffice, and what would by the time that the products so far took. */
function unfinished(measured: number, products: number, took: number): string {
  const needed = Math.ceil((took * products) / Math.max(1, measured) / 30) * 30;
  return `measured ${measured} of ${products} products in ${Math.round(took)} s; the rest stays untuned; about --seconds ${needed} measures all`;
}

/** What is measured: a model's matrices, or one of random numbers. */
async function subject(
  context: Context,
  options: Options,
): Promise<{ device: Device; matrices: TunedMatrices[]; kept: boolean }> {
  const { model, shape } = options;
  const m = options.rows?.split(',').map(Number);
  if (m?.some((rows) => !Number.isInteger(rows) || rows < 1)) {
    throw new UserError(`--rows is ${options.rows}; whole numbers from 1 on, separated by commas, were expected.`);
  }
  const rows = m && { m };
  if (shape === undefined) {
    if (model === undefined) throw new UserError('Give --model, whose products are to be measured, or --shape NxK.');
    const lm = await loadModel(context, await openFiles(model), options);
    return { device: lm.model.device, matrices: matricesOf(lm.model).map((one) => ({ ...one, ...rows })), kept: !m };
  }
  const [n, k] = /^\d+x\d+$/.test(shape) ? (shape.split('x').map(Number) as [number, number]) : [0, 0];
  if (n < 4 || k < 4 || n % 4 !== 0 || k % 4 !== 0)
    throw new UserError(`--shape is ${shape}; two multiples of 4 such as 4096x4096 were expected.`);
  const device = await context.openDevice();
  const dtype = options.dtype === 'auto' ? 'bf16' : options.dtype;
  const words = new Uint32Array(blockedBytes(n, k, dtype) / 4);
  // Halves between 0.06 and 0.25 in f16, and some numbers in the other types.
  for (let i = 0; i < words.length; i++) words[i] = ((Math.imul(i, 0x9e3779b1) >>> 3) & 0x83ff83ff) | 0x2c002c00;
  const { buffer, bytes } = device.upload(words, [words.length]);
  const weight = { buffer, bytes, shape: [n, k], dtype, label: shape };
  return { device, matrices: [{ name: shape, weights: [weight], ...rows }], kept: false };
}

/** Matrices of one kind that one launch sees: the first part of every layer's. */
function matricesOf(model: Model): TunedMatrices[] {
  const kinds = ['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'] as const;
  const first = (matrix: Matrix) => matrix.parts[0]?.tensor;
  const layers = kinds.map((name) => {
    const tensors = model.layers.flatMap((layer) => first(layer[name]) ?? []);
    const [one] = tensors;
    return { name, weights: tensors.filter((t) => t.dtype === one?.dtype && `${t.shape}` === `${one?.shape}`) };
  });
  const head = first(model.lm_head);
  return head
    ? [...layers, { name: 'lm_head', weights: [head], rows: Math.min(HEAD_TILE, head.shape[0] as number) }]
    : layers;
}

function line({ name, question: q, times, untuned, otherBits }: Measured): string {
  const shown = times.slice(0, 3).map(({ variant, ms }) => `${variant} ${ms.toPrecision(3)} ms`);
  const before = times.find(({ variant }) => variant === untuned);
  const rate = (2 * q.m * q.terms * q.width) / ((times[0]?.ms ?? 1) * 1e6);
  const others = otherBits.length > 0 ? `; other bits: ${otherBits.join(', ')}` : '';
  const bytes = (q.terms * q.width * blockBytes(q.dtype)) / 16 / ((times[0]?.ms ?? 1) * 1e6);
  return `${name} ${q.direction} M=${q.m} N=${q.width} K=${q.terms} ${q.dtype}: ${shown.join(', ')} (untuned ${before?.ms.toPrecision(3)} ms), ${rate.toPrecision(3)} GFLOP/s, ${bytes.toPrecision(3)} GB/s of the weight${others}`;
}
