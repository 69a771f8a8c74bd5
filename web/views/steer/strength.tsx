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
    <section class="card steer-strength" aria-labelledby="strength-name">
      <div class="steer-bar">
        <h2 id="strength-name">Strength</h2>
        <output class="steer-value" for="strength">
          {signedFactor(strength.value)}
        </output>
        <label class="steer-switch">
          <input
            type="checkbox"
            name="steer-live"
            checked={live.value}
            onChange={(event) => {
              live.value = event.currentTarget.checked;
            }}
          />
          Live: the steered text follows the sliders
        </label>
      </div>
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
          aria-labelledby="strength-name"
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
      <p id="strength-help" class="sub">
        Every vector is multiplied by this before it is added: 0 is the base model, 1 the vectors as they were trained,
        anything between a fraction of them. It is the “fraction” of{' '}
        <a href="https://arxiv.org/abs/2506.15882" target="_blank" rel="noreferrer">
          Fractional Reasoning
        </a>{' '}
        (Liu et al., 2025), which sets how much a model reasons by the scale of one steering vector.
      </p>
    </section>
  );
}

/** `× −0.50` */
export function signedFactor(value: number): string {
  return `× ${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;
}
