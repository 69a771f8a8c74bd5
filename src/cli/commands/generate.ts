import { streamText } from '../../api/text.ts';
import { uploadSteering } from '../../model/steering.ts';
import { defineCommand } from '../command.ts';
import {
  addModelOptions,
  addSteeringOptions,
  type ModelOptions,
  readSteering,
  type SteeringOptions,
} from '../model_options.ts';
import { integer, number } from '../options.ts';
import { addProfileOption, CommandProfile, type ProfileOptions, profilePlace } from '../profile.ts';
import { promptedBy, promptIds } from '../prompt_ids.ts';
import { loadModel, openFiles } from '../setup.ts';

interface Options extends ModelOptions, SteeringOptions, ProfileOptions {
  prompt: string;
  maxNewTokens: number;
  temperature: number;
  topK: number;
  topP: number;
  seed: number;
  raw?: boolean;
  stop?: string[];
}

export const command = defineCommand<Options>({
  examples: [
    [
      "trimtab generate --model models/demo --prompt $'Question: Ada has 3 pens and buys 4. How many pens has Ada?\\nAnswer:' --raw",
      'the bare text, continued',
    ],
    [
      'trimtab generate --model models/demo --raw --prompt TEXT --steering runs/demo/steering.safetensors --scale 0.5',
      'with half of the vectors',
    ],
    [
      'trimtab generate --model chat.gguf --prompt "Why is the sky blue?" --temperature 0.7',
      'as a message in the model’s chat template',
    ],
  ],
  configure(command) {
    addModelOptions(command)
      .requiredOption('--prompt <text>', 'what to continue')
      .option(
        '--raw',
        'continue the text as it is; otherwise a model with a chat template gets it as a user’s message',
      );
    addSteeringOptions(command)
      .option('--max-new-tokens <n>', 'longest continuation', integer({ min: 1 }), 128)
      .option('--temperature <number>', '0 takes the likeliest token', number({ min: 0 }), 0)
      .option('--top-k <n>', 'sample among the k likeliest tokens; 0: all', integer({ min: 0 }), 0)
      .option('--top-p <number>', 'sample within the likeliest mass p; 1: all', number({ min: 0, max: 1 }), 1)
      .option('--stop <text...>', 'texts that end the continuation')
      .option('--seed <n>', 'key of the random numbers', integer({ min: 0, max: 0xffffffff }), 0);
    addProfileOption(command, 'profile');
  },
  async run(context, options) {
    const opened = await openFiles(options.model);
    const raw = options.raw === true;
    // For its refusals, before the weights are loaded.
    promptIds(opened, options.prompt, raw);
    const read = await readSteering(context, opened, options);
    const lm = await loadModel(context, opened, options);
    const { device, config } = lm.model;
    const steering = read && uploadSteering(device, config, read.file, read.scale, read.path);
    const { maxNewTokens, temperature, topK, topP, seed, stop = [] } = options;
    const { prompt, addSpecialTokens } = promptedBy(opened, options.prompt, raw);
    const how = { maxNewTokens, temperature, topK, topP, seed, stop, addSpecialTokens, signal: context.signal };
    const profile = await CommandProfile.start(context, device, options, profilePlace(options));
    const run = async () => {
      for await (const event of streamText(lm, prompt, how, (work) => work(steering))) {
        if (event.type === 'end') return event.result;
        if (!context.json) process.stdout.write(event.text);
      }
      return undefined;
    };
    const result = await (profile ? profile.timed(run) : run());
    if (!result) return;
    const { ids, text } = result;
    context.print();
    const profiled = await profile?.finish();
    context.printJson({
      prompt_ids: result.promptIds,
      completion_ids: ids,
      text,
      ...(profiled && { profile: profiled }),
    });
  },
});
