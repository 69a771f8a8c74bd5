import { Option } from 'commander';
import { cache } from '#platform';
import { UserError } from '../../gpu/errors.ts';
import type { Matrix } from '../../gpu/matrix.ts';
import { tuningName, writeTuning } from '../../gpu/tuning.ts';
import { LINEAR_ORDERS, type LinearOrder } from '../../kernels/linear_kernel.ts';
import { variantsOf } from '../../kernels/linear_variants.ts';
import { identityOf, type Measured, type TunedMatrices, tuneProducts, tuningFile } from '../../kernels/tune.ts';
import { HEAD_TILE } from '../../model/log_probabilities.ts';
import type { Model } from '../../model/model.ts';
import { defineCommand } from '../command.ts';
import { addModelOptions, type ModelOptions } from '../model_options.ts';
import { number } from '../options.ts';
import { writeOutput } from '../output_files.ts';
import { loadModel, openFiles } from '../setup.ts';

interface Options extends ModelOptions {
  order: LinearOrder;
  seconds: number;
  out?: string;
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab tune --model ./Qwen2.5-1.5B', 'measure for a few seconds; later commands use what was fastest'],
    [
      'trimtab tune --model ./Qwen2.5-1.5B --order sliced --out sliced.json',
      'another order of summation, into a file for --tuning',
    ],
    ['trimtab tune --model ./Qwen2.5-1.5B --order matrix_f16 --toggles allow_unsafe_apis', 'matrix units'],
  ],
  configure(command) {
    addModelOptions(command)
      .addOption(
        new Option('--order <name>', 'how products add their terms; the variants of one give the same bits')
          .choices(LINEAR_ORDERS)
          .default('sequential'),
      )
      .option('--seconds <number>', 'time for measuring', number(), 5)
      .option('--out <file>', 'write this file for --tuning instead of the cache');
  },
  async run(context, options) {
    if (options.out) await writeOutput(options.out, '');
    const lm = await loadModel(context, await openFiles(options.model), options);
    const { device } = lm.model;
    if (variantsOf(options.order, 'forward', device.caps).length === 0) {
      throw new UserError(
        `${device.caps.adapter} has no variant of order ${options.order}. Matrix units need --toggles allow_unsafe_apis, f16 needs shader-f16 (see \`trimtab doctor\`).`,
      );
    }
    const measured: Measured[] = [];
    const tuning = await tuneProducts(device, matricesOf(lm.model), {
      order: options.order,
      budget: 1000 * options.seconds,
      onMeasured(one) {
        measured.push(one);
        context.print(line(one));
      },
    });
    const text = writeTuning(await tuningFile(device, tuning));
    const name = await tuningName(identityOf(device));
    const store = cache();
    if (options.out) await writeOutput(options.out, text);
    else await store.write(name, text);
    const where = options.out ?? `${store.where}/${name}`;
    const changed = Object.keys(tuning.choices).length;
    context.print(`${changed} of ${measured.length} choices differ from the untuned ones; kept in ${where}`);
    context.printJson({ where, ...tuning, measured });
  },
});

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
  return `${name} ${q.direction} M=${q.m} N=${q.width} K=${q.terms} ${q.dtype}: ${shown.join(', ')} (untuned ${before?.ms.toPrecision(3)} ms), ${rate.toPrecision(3)} GFLOP/s${others}`;
}
