import { loadModel, loadProblems, train } from 'trimtab';

const show = (id, text) => document.getElementById(id).append(text);
const status = (text) => document.getElementById('status').replaceChildren(text);
const prompt = 'Question: Ada has 3 pens and buys 4. How many pens has Ada?\nAnswer:';

// public/demo holds the files of trimtab/models/demo (package.json copies them).
const model = await loadModel('/demo');
status(`${model.name} on ${model.adapter}`);
for await (const piece of model.stream(prompt, { maxNewTokens: 40 })) show('answer', piece);

const button = document.getElementById('train');
button.disabled = false;
button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    const problems = await loadProblems('/demo/problems-train.jsonl');
    const { vectors } = await train(
      model,
      problems,
      { prompt: 'qa', max_steps: 3, num_prompts: 2, learning_rate: 0.03, max_completion_length: 72 },
      {
        onStep: ({ reward }) => {
          const item = document.createElement('li');
          item.textContent = `reward ${reward.toFixed(3)}`;
          document.getElementById('steps').append(item);
        },
      },
    );
    for await (const piece of model.stream(prompt, { maxNewTokens: 72, steering: vectors })) show('steered', piece);
    status('trained');
  } catch (error) {
    status(error.message);
  }
});
