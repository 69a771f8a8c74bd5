import { logitLens } from '../../eval/lens.ts';
import { defineCommand } from '../command.ts';
import { integer } from '../options.ts';
import { lensTable } from '../run_view.ts';
import { openModel, openSteering } from '../setup.ts';

interface Options {
  model: string;
  steering: string;
  top: number;
}

export const command = defineCommand<Options>({
  examples: [['trimtab lens --model models/demo --steering runs/demo/steering.safetensors', 'the tokens that each layer’s vector pushes up']],
  configure(command) {
    command
      .requiredOption('--model <path>', 'Hugging Face folder or .gguf file')
      .requiredOption('--steering <file>', 'steering vectors (safetensors)')
      .option('--top <n>', 'tokens a layer', integer({ min: 1 }), 10);
  },
  async run(context, options) {
    const device = await context.openDevice();
    const lm = await openModel(context, device, options.model);
    const { steering } = await openSteering(lm, options.steering, 1);
    const lens = await logitLens(lm, steering.tensor, options.top);
    context.print(lensTable(lens));
    context.printJson({ layers: lens });
  },
});
