import { checkIds, dumpTensors } from '../../eval/dump.ts';
import { UserError } from '../../gpu/errors.ts';
import { contextLength } from '../../model/model.ts';
import { writeSafetensors } from '../../model/safetensors.ts';
import { type Steering, uploadSteering } from '../../model/steering.ts';
import { defineCommand } from '../command.ts';
import {
  addModelOptions,
  addSteeringOptions,
  type ModelOptions,
  readSteering,
  type SteeringOptions,
} from '../model_options.ts';
import { checkWritable, writeOutput } from '../output_files.ts';
import { loadModel, openFiles, readText } from '../setup.ts';

interface Options extends ModelOptions, SteeringOptions {
  ids: string;
  out: string;
}

export const command = defineCommand<Options>({
  examples: [
    [
      'trimtab dump --model models/demo --ids ids.json --out dump.safetensors',
      'ids.json holds a list such as [51, 7, 12]',
    ],
    [
      'trimtab dump --model models/demo --ids ids.json --steering v.safetensors --out dump.safetensors',
      'with vectors added',
    ],
  ],
  configure(command) {
    addSteeringOptions(
      addModelOptions(command)
        .requiredOption('--ids <file>', 'JSON list of token ids')
        .requiredOption('--out <file>', 'safetensors file to write'),
    );
  },
  async run(context, options) {
    const ids = parseIds(await readText(options.ids), options.ids);
    const opened = await openFiles(options.model);
    const { config } = opened.source;
    checkIds(ids, config.vocab_size, contextLength(config));
    const read = await readSteering(context, opened, options);
    await checkWritable(options.out);
    const lm = await loadModel(context, opened, options);
    const { device } = lm.model;
    const { num_hidden_layers: layers, hidden_size: c } = config;
    const steering: Steering = read
      ? uploadSteering(device, config, read.file, read.scale, read.path)
      : { tensor: device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'steering'), scale: 1 };
    const tensors = await dumpTensors(lm.model, ids, steering);
    await writeOutput(
      options.out,
      writeSafetensors(tensors, { model: lm.model.identity, scale: String(steering.scale) }),
    );
    context.print(`${options.out}: ${tensors.map((t) => `${t.name} [${t.shape.join(', ')}]`).join(', ')}`);
    context.printJson({ out: options.out, tensors: tensors.map(({ name, shape }) => ({ name, shape })) });
  },
});

function parseIds(text: string, where: string): number[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && Array.isArray(value[0]) && value.length === 1) value = value[0];
  if (Array.isArray(value) && value.every((id) => typeof id === 'number')) return value as number[];
  throw new UserError(`${where}: a JSON list of token ids such as [51, 7, 12] was expected.`);
}
