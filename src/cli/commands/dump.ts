import { writeFile } from 'node:fs/promises';
import { dumpTensors } from '../../eval/dump.ts';
import { UserError } from '../../gpu/errors.ts';
import { writeSafetensors } from '../../model/safetensors.ts';
import type { Steering } from '../../model/steering.ts';
import { defineCommand } from '../command.ts';
import { number } from '../options.ts';
import { openModel, openSteering, readText } from '../setup.ts';

interface Options {
  model: string;
  ids: string;
  steering?: string;
  scale?: number;
  out: string;
}

export const command = defineCommand<Options>({
  examples: [
    ['trimtab dump --model models/demo --ids ids.json --out dump.safetensors', 'ids.json holds a list such as [51, 7, 12]'],
    ['trimtab dump --model models/demo --ids ids.json --steering v.safetensors --out dump.safetensors', 'with vectors added'],
  ],
  configure(command) {
    command
      .requiredOption('--model <path>', 'Hugging Face folder or .gguf file')
      .requiredOption('--ids <file>', 'JSON list of token ids')
      .requiredOption('--out <file>', 'safetensors file to write')
      .option('--steering <file>', 'steering vectors (safetensors)')
      .option('--scale <number>', 'factor on the vectors; default: the one that they were trained with', number());
  },
  async run(context, options) {
    const ids = parseIds(await readText(options.ids), options.ids);
    const device = await context.openDevice();
    const lm = await openModel(context, device, options.model);
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    const steering: Steering = options.steering
      ? (await openSteering(lm, options.steering, options.scale)).steering
      : { tensor: device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'steering'), scale: 1 };
    const tensors = await dumpTensors(lm.model, ids, steering);
    await writeFile(options.out, writeSafetensors(tensors, { model: lm.model.identity, scale: String(steering.scale) }));
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
