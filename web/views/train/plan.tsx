import { signal, useSignal, useSignalEffect } from '@preact/signals';
import { duration } from '../../../src/eval/figures.ts';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { engine, inWords, memoryBudget, model } from '../../app/engine.ts';
import type { MeasuredTime, Plan } from '../../worker/run_plan.ts';
import type { RunRequest } from '../../worker/training.ts';
import { data } from './data_choice.tsx';
import { checked, type FieldProblem, given, isSuggested, problemIn } from './recipe.ts';
import { phase } from './run_state.ts';

/** What the engine says of the settings: what a run takes, or why there can be none. */
export const plan = signal<Plan | undefined>(undefined);
export const refused = signal<FieldProblem | undefined>(undefined);

/** After so long without another change the engine is asked, in milliseconds. */
const SETTLED_MS = 250;

/**
 * The settings as they are, under the budget that Models has, where they name no other; without looks at held-out problems that
 * the page itself suggested, where a file brings none.
 */
export function request(): RunRequest {
  const budget = memoryBudget.value;
  const { eval_steps, ...others } = given.value;
  const choice = data.value;
  const hasHeldOut = choice.kind !== 'files' || choice.test !== undefined || others.eval_split !== undefined;
  const isMeant = eval_steps !== undefined && (hasHeldOut || !isSuggested('eval_steps'));
  const config = {
    ...(budget !== undefined && { memory_budget: budget }),
    ...others,
    ...(isMeant && { eval_steps }),
  };
  return { config, data: choice };
}

/** What a run with these settings takes, before it starts. */
export function PlanView() {
  const time = useSignal<MeasuredTime | undefined>(undefined);
  const isMeasuring = useSignal(false);
  useSignalEffect(() => {
    const asked = request();
    time.value = undefined;
    refused.value = undefined;
    if (!model.value || phase.value !== 'none' || checked.value.problem) {
      plan.value = undefined;
      return;
    }
    let isCurrent = true;
    const timer = setTimeout(() => {
      engine()
        .training.plan(asked)
        .then(
          (found) => {
            if (isCurrent) plan.value = found;
          },
          (error: unknown) => {
            if (!isCurrent) return;
            plan.value = undefined;
            refused.value = problemIn(inWords(error));
          },
        );
    }, SETTLED_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  });
  const found = plan.value;
  const { layers = 0, hiddenSize = 0 } = model.value ?? {};
  if (!found) return null;
  const measure = async () => {
    isMeasuring.value = true;
    try {
      time.value = await engine().training.measure(request());
    } catch (error) {
      refused.value = problemIn(inWords(error));
    } finally {
      isMeasuring.value = false;
    }
  };
  const many = (count: number) => count.toLocaleString('en');
  return (
    <details class="plan">
      <summary>
        {many(layers * hiddenSize)} numbers to learn, at most {formatBytes(found.total)} of GPU memory
      </summary>
      <p class="help">
        {found.steps} steps of {found.completions} answers, each up to {found.longestCompletion} tokens.{' '}
        {many(found.trainProblems)} problems to learn from ({found.promptLength.toFixed(0)} tokens each),{' '}
        {many(found.testProblems)} to measure.
      </p>
      {found.notes.map((note) => (
        <p class="help" key={note}>
          {note}
        </p>
      ))}
      <table>
        <tbody>
          {found.memory.map(({ what, bytes, note }) => (
            <tr key={what}>
              <th scope="row">
                {what} {note && <small>{note}</small>}
              </th>
              <td>{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="time">
        {time.value ? (
          <p class="help">
            A step takes about {between(time.value.step)}, the run {between(time.value.run)}: by how long the answers
            get.
          </p>
        ) : (
          <button type="button" onClick={() => void measure()} disabled={isMeasuring.value}>
            {isMeasuring.value ? 'Measuring…' : 'Measure the time'}
          </button>
        )}
      </div>
      <p class="help">The first prompt, as the model sees it:</p>
      <pre>{found.firstPrompt}</pre>
    </details>
  );
}

function between([low, high]: readonly [number, number]): string {
  return low === high ? duration(low) : `${duration(low)} to ${duration(high)}`;
}
