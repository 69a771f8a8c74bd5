import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../gpu/errors.ts';
import { encodeControlVector, encodeDownProjBiases, encodePeftAdapter } from '../../model/steering_export.ts';
import { defineCommand } from '../command.ts';
import { addSteeringOptions, readSteering, type SteeringOptions } from '../model_options.ts';
import { openFiles } from '../setup.ts';

interface Options extends SteeringOptions {
  model: string;
  format: 'gguf' | 'hf' | 'peft';
  out: string;
  dropLayer0?: boolean;
  baseModel?: string;
}

const STEERING = ['--model', 'models/demo', '--steering', 'runs/demo/steering.safetensors'].join(' ');

export const command = defineCommand<Options>({
  examples: [
    [`trimtab export ${STEERING} --format peft --out adapter`, 'a PEFT adapter (type BEFT)'],
    [`trimtab export ${STEERING} --format hf --out biases.safetensors`, 'biases of mlp.down_proj for transformers'],
    [
      `trimtab export ${STEERING} --format gguf --drop-layer-0 --out control.gguf`,
      'a control vector for llama.cpp, which has none for the first layer',
    ],
  ],
  configure(command: Command) {
    addSteeringOptions(
      command
        .requiredOption('--model <path>', 'the model that the vectors belong to: only its headers are read')
        .addOption(
          new Option(
            '--format <format>',
            'gguf: llama.cpp control vector; hf: safetensors of biases; peft: BEFT adapter',
          )
            .choices(['gguf', 'hf', 'peft'])
            .makeOptionMandatory(),
        )
        .requiredOption('--out <path>', 'file to write; for peft a folder'),
    )
      .option('--drop-layer-0', 'gguf: leave the first layer’s vector out')
      .option('--base-model <name>', 'peft: name of the base model in the adapter; default: --model');
  },
  async run(context, options) {
    const { format, out } = options;
    const opened = await openFiles(options.model);
    await opened.source.close();
    const read = await readSteering(context, opened, options);
    if (!read) throw new UserError('Give the vectors with --steering FILE.');
    const { file, scale, path } = read;
    const written = new Map<string, string | Uint8Array>();
    if (format === 'hf') written.set(out, encodeDownProjBiases(file, scale));
    if (format === 'gguf') {
      const architecture = ARCHITECTURES[opened.source.config.model_type] ?? opened.source.config.model_type;
      const dropLayer0 = options.dropLayer0 === true;
      written.set(out, await encodeControlVector(file, scale, { architecture, dropLayer0, where: path }));
      if (dropLayer0) context.warn(`${out} is without the vector of layer 0, which llama.cpp cannot add.`);
    }
    if (format === 'peft') {
      const adapter = encodePeftAdapter(file, scale, options.baseModel ?? options.model);
      for (const [name, content] of Object.entries(adapter)) written.set(join(out, name), content);
    }
    try {
      if (format === 'peft') await mkdir(out, { recursive: true });
      for (const [name, content] of written) await writeFile(name, content);
    } catch (error) {
      throw new UserError(`${out} cannot be written: ${(error as Error).message}. Name another place with --out.`);
    }
    const files = [...written.keys()];
    context.print(`${files.join(', ')}: ${file.numLayers} vectors of ${file.hiddenSize}, times ${scale}`);
    context.printJson({ format, files, scale });
  },
});

/** llama.cpp's names where they differ from `model_type`. */
const ARCHITECTURES: Readonly<Record<string, string>> = { mistral: 'llama' };
