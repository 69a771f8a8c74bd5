// llama.cpp on the CPU, by node-llama-cpp's prebuilt binary.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { serve } from './serve.mjs';

const version = JSON.parse(
  readFileSync(new URL('node_modules/node-llama-cpp/package.json', import.meta.url), 'utf8'),
).version;

await serve(async ({ model: modelPath }) => {
  const { getLlama } = await import('node-llama-cpp');
  const threads = cpus().length;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 2048, batchSize: 2048, threads });
  const sequence = context.getSequence();

  const evaluate = async (ids, next) => {
    const input = ids.map((id, i) => (i === ids.length - 1 ? [id, { generateNext: next }] : id));
    return (await sequence.controlledEvaluate(input)).at(-1).next;
  };
  const greedy = { token: true, options: { temperature: 0 } };

  return {
    info: {
      impl: 'llama.cpp',
      dtype: 'gguf',
      versions: `node-llama-cpp ${version}, llama.cpp ${llama.llamaCppRelease.release}`,
      note: `CPU, ${threads} threads: ${llama.systemInfo.replaceAll(' = 1', '').replaceAll(' |', ',').trim()}`,
    },
    async logits(ids) {
      await sequence.clearHistory();
      const { logits } = await evaluate(ids, { logits: true });
      const values = new Float32Array(logits.size);
      for (const [id, value] of logits) values[id] = value;
      return values;
    },
    async generate(ids, count) {
      await sequence.clearHistory();
      let start = performance.now();
      const tokens = [(await evaluate(ids, greedy)).token];
      const prefillMs = performance.now() - start;
      const tokenMs = [];
      for (let i = 0; i < count; i++) {
        start = performance.now();
        tokens.push((await evaluate([tokens.at(-1)], greedy)).token);
        tokenMs.push(performance.now() - start);
      }
      return { tokens, prefillMs, tokenMs };
    },
  };
});
