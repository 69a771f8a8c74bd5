import { columns, scores } from './state.ts';

/** What the marks on tokens say. */
export function Legend() {
  const { steered } = columns.value;
  if (steered.tokens.length === 0) return null;
  const scored = scores.value.steered !== undefined;
  return (
    <dl class="steer-legend" aria-label="What the marks mean">
      <div>
        <dt>
          <span class="steer-token" data-place="same">
            the
          </span>
        </dt>
        <dd>the same in both texts</dd>
      </div>
      <div>
        <dt>
          <span class="steer-token" data-place="parting">
            here
          </span>
        </dt>
        <dd>where they part</dd>
      </div>
      {scored && (
        <>
          <div>
            <dt>
              {[1, 2, 3].map((shade) => (
                <span key={shade} class="steer-token" data-shade={shade}>
                  abc
                </span>
              ))}
            </dt>
            <dd>likelier with the vectors: 1.1, 2, 7 times and more</dd>
          </div>
          <div>
            <dt>
              {[-1, -2, -3].map((shade) => (
                <span key={shade} class="steer-token" data-shade={shade}>
                  abc
                </span>
              ))}
            </dt>
            <dd>less likely with them</dd>
          </div>
        </>
      )}
    </dl>
  );
}
