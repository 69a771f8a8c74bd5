import { percent, signed, visible } from '../../../src/eval/figures.ts';
import type { LensLayer } from '../../../src/eval/lens.ts';
import type { Accuracy, AccuracyPair } from '../../../src/eval/stats.ts';
import type { ExamplePair } from '../../../src/train/experiment.ts';
import type { AnsweredProblem } from '../../worker/run_events.ts';

interface Measured {
  readonly before: AccuracyPair | undefined;
  readonly after: AccuracyPair | undefined;
  /** The model without vectors, asked in another way. */
  readonly prompted?: AccuracyPair | undefined;
}

/** Before and after, greedy and sampled, with their intervals. */
export function AccuracyBars({ before, after, prompted }: Measured) {
  const modes = [
    ['greedy', 'Greedy', 'the likeliest token each time'],
    ['sampled', 'Sampled', 'at the temperature of training'],
  ] as const;
  return (
    <div class="bars">
      {modes.map(([mode, name, note]) => (
        <div class="mode" key={mode}>
          <h3>
            {name} <small>{note}</small>
          </h3>
          <Bar kind="before" value={before?.[mode]} />
          {prompted && <Bar kind="prompted" value={prompted[mode]} />}
          <Bar kind="after" value={after?.[mode]} />
        </div>
      ))}
    </div>
  );
}

function Bar({ kind, value }: { kind: 'before' | 'prompted' | 'after'; value: Accuracy | undefined }) {
  return (
    <div class={`bar ${kind}`}>
      <span>{kind}</span>
      <div class="track" aria-hidden="true">
        {value && <i class="fill" style={{ width: cssPercent(value.accuracy) }} />}
        {value && <i class="interval" style={{ left: cssPercent(value.lo), width: cssPercent(value.hi - value.lo) }} />}
      </div>
      {value ? (
        <>
          <b>{percent(value.accuracy)}</b>
          <small title="95 % interval">{`${(value.lo * 100).toFixed(0)} to ${(value.hi * 100).toFixed(0)}`}</small>
        </>
      ) : (
        <span class="pending">not measured yet</span>
      )}
    </div>
  );
}

function cssPercent(share: number): string {
  return `${share * 100}%`;
}

/** The change in one line, and whether the intervals say that it is one. */
export function verdict(before: Accuracy, after: Accuracy): string {
  // As exact as the accuracies beside it.
  const points = `${signed(Math.round((after.accuracy - before.accuracy) * 1000) / 10)} points`;
  if (after.lo > before.hi) return `${points}, on ${after.n} held-out problems. The intervals are apart.`;
  if (after.hi < before.lo) return `${points}: worse than before. The intervals are apart.`;
  return `${points}, on ${after.n} held-out problems. The intervals overlap: measure more problems to tell.`;
}

/** The first problem of each step with all its answers, newest on top. */
export function Answers({ steps }: { steps: readonly AnsweredProblem[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys have to reach what scrolls
    <section class="stream" tabIndex={0} aria-label="Answers, newest step on top">
      {steps.map(({ step, reward, question, gold, answers }) => (
        <article key={step}>
          <h3>
            Step {step + 1} <small>mean reward {signed(reward)}</small>
          </h3>
          <p class="question">
            {question} <small>Answer: {gold}</small>
          </p>
          <ul>
            {answers.map(({ text, correct, reward: points, advantage, tokens }, i) => (
              <li key={i} class={correct ? 'right' : 'wrong'}>
                <Mark correct={correct} />
                <p class="said">
                  <WithBoxes text={text} />
                </p>
                <small title={`${tokens} tokens; reward, and advantage over the others of the problem`}>
                  {signed(points)} <Advantage value={advantage} />
                </small>
              </li>
            ))}
          </ul>
        </article>
      ))}
    </section>
  );
}

function Advantage({ value }: { value: number }) {
  return <b class={value > 0 ? 'up' : value < 0 ? 'down' : 'even'}>{signed(value)}</b>;
}

function Mark({ correct }: { correct: boolean }) {
  return (
    <b class="mark" role="img" aria-label={correct ? 'right' : 'wrong'}>
      {correct ? '✓' : '✗'}
    </b>
  );
}

/** The text with its boxes marked. */
function WithBoxes({ text }: { text: string }) {
  if (text.trim() === '') return <em>nothing</em>;
  const parts = text.trim().split(/(\\boxed\{[^{}]*\})/);
  return <>{parts.map((part, i) => (i % 2 === 1 ? <mark key={i}>{part}</mark> : part))}</>;
}

/** A row for each vector: its norm, and the tokens that it makes likelier. */
export function Lens({ lens }: { lens: readonly LensLayer[] }) {
  const longest = Math.max(...lens.map(({ norm }) => norm), Number.MIN_VALUE);
  return (
    <table class="lens">
      <thead>
        <tr>
          <th scope="col">Layer</th>
          <th scope="col">Norm</th>
          <th scope="col">Tokens made likelier</th>
        </tr>
      </thead>
      <tbody>
        {lens.map(({ layer, norm, top }) => {
          const best = Math.max(top[0]?.score ?? 0, Number.MIN_VALUE);
          return (
            <tr key={layer}>
              <th scope="row">{layer}</th>
              <td>
                <i class="norm" aria-hidden="true" style={{ width: `${(60 * norm) / longest}px` }} />
                {norm.toFixed(2)}
              </td>
              <td>
                {top.map(({ id, token, score }) => (
                  <span
                    key={id}
                    class="token"
                    title={score.toFixed(2)}
                    style={{ '--weight': `${Math.round(26 * Math.max(0, score / best))}%` }}
                  >
                    {shownToken(token, id)}
                  </span>
                ))}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A token with its spaces visible; by its number where it is part of a character or a control code. */
function shownToken(token: string, id: number): string {
  const shown = visible(token);
  return /^[^\p{C}\ufffd]+$/u.test(shown) ? shown : `#${id}`;
}

/** The same problems answered before and after. */
export function Examples({ examples }: { examples: readonly ExamplePair[] }) {
  return (
    <>
      {examples.map(({ question, answer, before, after }) => (
        <article key={before.problem}>
          <p class="question">
            {question} <small>Answer: {answer}</small>
          </p>
          <div class="pair">
            <Said when="before" text={before.completion} correct={before.correct} />
            <Said when="after" text={after.completion} correct={after.correct} />
          </div>
        </article>
      ))}
    </>
  );
}

/** One answer under a heading. */
export function Said({ when, text, correct }: { when: string; text: string; correct: boolean }) {
  return (
    <div class={correct ? 'right' : 'wrong'}>
      <h4>
        {when}
        <Mark correct={correct} />
      </h4>
      <p class="said">
        <WithBoxes text={text} />
      </p>
    </div>
  );
}
