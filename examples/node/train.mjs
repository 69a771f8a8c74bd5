// Trains vectors for a few steps, measures before and after, and reads them.   node --import trimtab/adapter train.mjs [steps]
import { writeFile } from 'node:fs/promises';
import { grade, loadModel, loadProblems, train } from 'trimtab';

const demo = import.meta.resolve('trimtab/models/demo/config.json').replace('/config.json', '');
const steps = Number(process.argv[2] ?? 3);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped by Ctrl-C')));

const model = await loadModel(demo);
const problems = await loadProblems(`${demo}/problems-train.jsonl`);
const heldOut = (await loadProblems(`${demo}/problems-test.jsonl`)).slice(0, 16);
console.log(`${model.name} on ${model.adapter}`);

const { vectors, summary } = await train(
  model,
  problems,
  { prompt: 'qa', max_steps: steps, learning_rate: 0.03, max_completion_length: 72 },
  {
    evalProblems: heldOut,
    signal: stop.signal,
    // In place of +1 and -1: right answers earn more the shorter they are.
    reward: async ({ completion, answer }) =>
      (await grade(completion, answer, 'boxed')).correct ? 1 - completion.length / 1000 : -1,
    onStep: ({ step, reward, grad_norm }) =>
      console.log(`step ${step}  reward ${reward.toFixed(3)}  gradient norm ${grad_norm.toFixed(4)}`),
  },
);
console.log(
  `greedy ${summary.base.greedy.accuracy} -> ${summary.steered.greedy.accuracy} on ${heldOut.length} problems`,
);
const { layers } = await model.lens(vectors, { top: 5 });
for (const { layer, norm, top } of layers) {
  console.log(`layer ${layer}  norm ${norm.toFixed(2)}  ${top.map(({ token }) => JSON.stringify(token)).join(' ')}`);
}
const prompt = `Question: ${heldOut[0].question}\nAnswer:`;
console.log((await model.generate(prompt, { maxNewTokens: 72 })).text.trim());
console.log((await model.generate(prompt, { maxNewTokens: 72, steering: vectors })).text.trim());
await writeFile('vectors.safetensors', vectors.toBytes());
model.dispose();
process.exit();
