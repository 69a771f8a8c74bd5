import { Card } from '../../ui/card.tsx';
import { Switch } from '../../ui/fields.tsx';
import { live, strength, vectors } from './state.ts';

/** Where a value means something. */
const MARKS: readonly [value: number, name: string][] = [
  [-1, 'turned around'],
  [0, 'base'],
  [1, 'as trained'],
];
const [LEAST, MOST] = [-2, 2];

/** How much of the vectors is added: the one dial of this view. */
export function Strength() {
  const none = !vectors.value;
  return (
    <Card
      title="Strength"
      class="steer-strength"
      actions={
        <>
          <output class="steer-value" for="strength">
            {factorText(strength.value)}
          </output>
          <Switch
            label="Live"
            checked={live.value}
            onChange={(checked) => {
              live.value = checked;
            }}
          />
        </>
      }
    >
      <div class="steer-dial">
        <input
          type="range"
          id="strength"
          name="strength"
          min={LEAST}
          max={MOST}
          step={0.05}
          value={strength.value}
          disabled={none}
          aria-label="Strength"
          aria-describedby="strength-help"
          onInput={(event) => {
            strength.value = event.currentTarget.valueAsNumber;
          }}
        />
        <div class="steer-marks">
          {MARKS.map(([value, name]) => (
            <button
              key={value}
              type="button"
              disabled={none}
              style={{ '--at': String((value - LEAST) / (MOST - LEAST)) }}
              aria-label={`Strength ${value}: ${name}`}
              aria-pressed={strength.value === value}
              onClick={() => {
                strength.value = value;
              }}
            >
              <b>{String(value).replace('-', '−')}</b> {name}
            </button>
          ))}
        </div>
      </div>
      <p id="strength-help" class="card-sub">
        Every vector is multiplied by this before it is added: 0 is the base model, 1 the vectors as they were trained,
        anything between a fraction of them. It is the “fraction” of{' '}
        <a href="https://arxiv.org/abs/2506.15882" target="_blank" rel="noreferrer">
          Fractional Reasoning
        </a>{' '}
        (Liu et al., 2025), which sets how much a model reasons by the scale of one steering vector. With Live on, the
        steered text follows the sliders.
      </p>
    </Card>
  );
}

/** `× −0.50` */
function factorText(value: number): string {
  return `× ${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;
}
