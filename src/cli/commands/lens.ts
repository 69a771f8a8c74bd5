import { logitLens } from '../../eval/lens.ts';
import { UserError } from '../../gpu/errors.ts';
import { uploadSteering } from '../../model/steering.ts';
import { defineCommand } from '../command.ts';
import { addModelOptions, type ModelOptions, readSteering } from '../model_options.ts';
import { integer } from '../options.ts';
import { lensTable } from '../run_view.ts';
import { loadModel, openFiles } from '../setup.ts';

interface Options extends ModelOptions {
  steering: string;
  top: number;
}

export const command = defineCommand<Options>({
  examples: [
    [
      'trimtab lens --model models/demo --steering runs/demo/steering.safetensors',
      'the tokens that each layer’s vector pushes up',
    ],
    [
      'trimtab lens --model models/demo --steering runs/demo/steering.safetensors --top 3 --json',
      'three a layer with their scores',
    ],
  ],
  configure(command) {
    addModelOptions(command)
      .requiredOption('--steering <file>', 'steering vectors (safetensors)')
      .option('--top <n>', 'tokens a layer', integer({ min: 1 }), 10);
  },
  async run(context, options) {
    const opened = await openFiles(options.model);
    const read = await readSteering(context, opened, options);
    if (!read) throw new UserError('Give the vectors with --steering FILE.');
    const lm = await loadModel(context, opened, options);
    const { tensor } = uploadSteering(lm.model.device, lm.model.config, read.file, 1, read.path);
    const lens = await logitLens(lm, tensor, options.top);
    context.print(lensTable(lens));
    context.printJson({ layers: lens });
  },
});
