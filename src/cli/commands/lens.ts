import { Option } from 'commander';
import { geometryOf } from '../../eval/geometry.ts';
import { readVectors } from '../../eval/lens.ts';
import { type LensReport, renderLens } from '../../eval/lens_page.ts';
import { appendEffect, nextTokenEffects, placesOf } from '../../eval/next_token.ts';
import { UserError } from '../../gpu/errors.ts';
import type { LanguageModel } from '../../model/language_model.ts';
import { type Steering, uploadSteering } from '../../model/steering.ts';
import { defineCommand } from '../command.ts';
import { appendTable, effectTable, geometryTable, lensReadingTable } from '../lens_view.ts';
import {
  addModelOptions,
  addSteeringOptions,
  type ModelOptions,
  type ReadSteering,
  readSteering,
  type SteeringOptions,
} from '../model_options.ts';
import { integer, integers } from '../options.ts';
import { checkWritable, writeOutput } from '../output_files.ts';
import { promptIds } from '../prompt_ids.ts';
import { lensTable } from '../run_view.ts';
import { loadModel, openFiles } from '../setup.ts';

interface Options extends ModelOptions, SteeringOptions {
  top: number;
  bottom: number;
  by: 'dot' | 'cosine';
  finalNorm: boolean;
  prompt?: string;
  raw?: boolean;
  positions: number[];
  layers?: number[];
  append?: string;
  out?: string;
}

const STEERING = ['--model', 'models/demo', '--steering', 'runs/demo/steering.safetensors'].join(' ');

export const command = defineCommand<Options>({
  examples: [
    [`trimtab lens ${STEERING}`, 'the tokens that each layer’s vector pushes up and down'],
    [`trimtab lens ${STEERING} --top 50 --by cosine --json`, 'fifty a layer with all scores, as JSON'],
    [`trimtab lens ${STEERING} --out lens.html`, 'a page with heat maps'],
    [
      `trimtab lens ${STEERING} --raw --prompt "Answer:" --append " Step"`,
      'what they do to the next token, beside the control of appending it',
    ],
  ],
  configure(command) {
    addSteeringOptions(addModelOptions(command))
      .option('--top <n>', 'tokens a layer that the vector pushes up', integer({ min: 1 }), 10)
      .option('--bottom <n>', 'tokens a layer that it pushes down', integer({ min: 0 }), 5)
      .addOption(
        new Option('--by <measure>', 'which score the table shows (JSON and page have both)')
          .choices(['dot', 'cosine'])
          .default('dot'),
      )
      .option('--final-norm', 'show the scores after the final norm’s weight (JSON and page have both)', false)
      .option('--prompt <text>', 'measure the effect on the next token’s probabilities in this prompt')
      .option('--raw', 'take the prompt as it is; otherwise a model with a chat template gets it as a user’s message')
      .option(
        '--positions <list>',
        'after which tokens of the prompt, from 0, or from the end where negative',
        integers(),
        [-1],
      )
      .option(
        '--layers <list>',
        'add only these layers’ vectors to the prompt, -1 for the last; default: all',
        integers(),
      )
      .option('--append <text>', 'the control: what the vectors still do once this text stands after the prompt')
      .option('--out <file>', 'write an HTML page with heat maps');
  },
  async run(context, options) {
    if (options.append !== undefined && options.prompt === undefined)
      throw new UserError('--append follows a prompt: give it with --prompt TEXT.');
    const opened = await openFiles(options.model);
    const read = await readSteering(context, opened, options);
    if (!read) throw new UserError('Give the vectors with --steering FILE.');
    const ids = options.prompt === undefined ? undefined : promptIds(opened, options.prompt, options.raw === true);
    const positions = ids && placesOf(options.positions, ids.length);
    const { vectors, numLayers } = read.file;
    const only = options.layers && placesOfLayers(options.layers, numLayers);
    if (options.out) await checkWritable(options.out);
    const lm = await loadModel(context, opened, options);
    const lens = await readVectors(lm, vectors, options);
    const geometry = geometryOf(vectors, numLayers);
    const steering = uploadLayers(lm, read, only);
    const k = options.top;
    const report: LensReport = {
      model: lm.name,
      steering: read.path,
      scale: read.scale,
      lens,
      geometry,
      effects: ids && positions ? await nextTokenEffects(lm, ids, positions, steering, k) : [],
      append:
        ids && options.append !== undefined ? await appendEffect(lm, ids, options.append, steering, k) : undefined,
      warnings: context.warnings,
    };
    if (options.out) await writeOutput(options.out, renderLens(report));

    if (geometry.stable_rank === 0) context.print(lensTable(lens.layers));
    else context.print(`${lensReadingTable(lens, options)}\n\n${geometryTable(geometry)}`);
    for (const effect of report.effects) context.print(`\n${effectTable(effect)}`);
    if (report.append) context.print(`\n${appendTable(report.append)}`);
    if (options.out) context.print(`\n${options.out} shows all of it as a page`);
    const { effects, append } = report;
    context.printJson({
      model: options.model,
      steering: read.path,
      scale: read.scale,
      layers: lens.layers,
      map: lens.map,
      geometry,
      ...(ids && { prompt_ids: ids, effects }),
      ...(append && { append }),
    });
  },
});

/** Layers from 0, of those that may count from the last. @throws UserError for one that has no vector */
function placesOfLayers(layers: readonly number[], count: number): ReadonlySet<number> {
  const beyond = layers.find((l) => l < -count || l >= count);
  if (beyond !== undefined) {
    throw new UserError(
      `--layers names ${beyond}, and the vectors are of layers 0 to ${count - 1}, or -1 to -${count} from the last.`,
    );
  }
  return new Set(layers.map((l) => (l < 0 ? l + count : l)));
}

/** The vectors on the device, zero for layers that are not among `only`. */
function uploadLayers(lm: LanguageModel, read: ReadSteering, only: ReadonlySet<number> | undefined): Steering {
  const { file, scale, path } = read;
  const vectors = file.vectors.map((x, i) => (only?.has(Math.floor(i / file.hiddenSize)) === false ? 0 : x));
  return uploadSteering(lm.model.device, lm.model.config, { ...file, vectors }, scale, path);
}
