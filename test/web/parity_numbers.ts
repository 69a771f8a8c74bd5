import { openFolder } from '#platform';
import { loadModel } from '../../src/api/model.ts';
import { loadProblems } from '../../src/api/problems.ts';
import { train } from '../../src/api/train.ts';
import { asker } from '../../src/eval/ask.ts';
import { plainPass } from '../../src/eval/dump.ts';
import { resolvePrompt } from '../../src/eval/prompts.ts';
import { generate } from '../../src/model/generate.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { type PolicyGroup, policyPass } from '../../src/train/policy.ts';
import { memoryStore, RUN_FILES } from '../../src/train/rundir.ts';
import { golden, goldenJson } from '../setup/golden.ts';

/** What Chrome and Node are held against each other by: plain arrays, since they leave a page as JSON. */
export interface ParityNumbers {
  readonly adapter: string;
  /** Of six problems answered greedily: the tokens, and by how much the likeliest was ahead of the second at each. */
  readonly greedy: readonly { readonly ids: number[]; readonly ahead: number[] }[];
  /** Of the policy loss over the rollouts of test/golden/rloo.json. */
  readonly replayed: { readonly loss: number; readonly gradient: number[]; readonly logp: number[] };
  /** Files and the optimiser's state after five steps. */
  readonly steps: {
    readonly steering: number[];
    readonly completions: string;
    readonly expAvg: number[];
    readonly expAvgSq: number[];
  };
}

const ANSWER_TOKENS = 40;
const STEPS = 5;

interface Rollouts {
  readonly temperature: number;
  readonly max_completion_length: number;
  readonly groups: readonly {
    readonly prompt_ids: number[];
    readonly completions: readonly { readonly ids: number[] }[];
  }[];
}

/** Runs in Node and in Chrome alike, where the repository's files lie beside the page. */
export async function parityNumbers(): Promise<ParityNumbers> {
  const model = await loadModel(await openFolder('models/demo'));
  try {
    const { lm } = model;
    const { device } = lm.model;
    const problems = (await loadProblems('models/demo/problems-train.jsonl')).slice(0, 32);
    const ask = asker(lm, resolvePrompt('qa', false, ''));

    const requests = problems.slice(0, 6).map((problem, prompt) => ({
      prompt: ask(problem).ids,
      maxNewTokens: ANSWER_TOKENS,
      completions: [{ sampling: { temperature: 0 }, key: { step: 0, prompt, completion: 0 } }],
    }));
    const answers = await generate(lm.model, requests, { seed: 1, eosIds: lm.eosIds });
    const greedy = [];
    for (const [i, [answer]] of answers.entries()) {
      const ids = answer?.ids ?? [];
      greedy.push({ ids, ahead: await leads(lm.model, requests[i]?.prompt ?? [], ids) });
    }

    const [rollouts, want] = [await goldenJson<Rollouts>('rloo'), await golden('rloo')];
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    const tensor = device.upload(want.f32('steering'), [layers, c], 'f32', 'steering');
    const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'gradient');
    const advantages = want.f32('advantages.rloo.none');
    let at = 0;
    const groups = rollouts.groups.map(
      ({ prompt_ids: prompt, completions }): PolicyGroup => ({
        prompt,
        completions: completions.map(({ ids }) => ids),
        advantages: completions.map(() => advantages[at++] as number),
      }),
    );
    const pass = await policyPass(lm.model, groups, {
      steering: { tensor, scale: 1 },
      target: { grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) },
      temperature: rollouts.temperature,
      beta: 0,
      lossType: 'dapo',
      maxCompletionLength: rollouts.max_completion_length,
      recompute: 'none',
      maxRows: 4096,
    });
    const gradient = [...(await device.read(grad))];
    device.arena.free(tensor);
    device.arena.free(grad);

    const store = memoryStore();
    const config = { prompt: 'qa', seed: 1, max_steps: STEPS, num_prompts: 3, num_generations: 8, learning_rate: 0.03 };
    await train(model, problems, { ...config, max_completion_length: 72 }, { store });
    const { state } = await loadCheckpoint(store);
    const completions = await store.read(RUN_FILES.completions);
    return {
      adapter: device.caps.adapter,
      greedy,
      replayed: { loss: pass.loss, gradient, logp: pass.logp.flat().flatMap((x) => [...(x ?? [])]) },
      steps: {
        steering: [...state.vectors],
        completions: new TextDecoder().decode(completions),
        expAvg: [...state.expAvg],
        expAvgSq: [...state.expAvgSq],
      },
    };
  } finally {
    model.dispose();
  }
}

/** By how much the best logit is above the second where each of `ids` was chosen. */
async function leads(model: Parameters<typeof plainPass>[0], prompt: readonly number[], ids: readonly number[]) {
  const { logits } = await plainPass(model, [...prompt, ...ids]);
  const { vocab_size: v } = model.config;
  return ids.map((_, i) => {
    const row = prompt.length - 1 + i;
    const [best = 0, second = 0] = logits.subarray(row * v, (row + 1) * v).toSorted((a, b) => b - a);
    return best - second;
  });
}
