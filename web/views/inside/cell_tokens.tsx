import { inline, share } from '../../ui/token_text.ts';
import { Tooltip } from '../../ui/tooltip.tsx';
import type { PromptReading } from '../../worker/inspection_types.ts';
import type { Side } from './state.ts';

interface Listed {
  readonly id: number;
  readonly base?: number;
  readonly steered?: number;
}

const ENTROPY_IS =
  'How open the next token is: 0 where one is certain, 0.69 where two are equally likely. A nat is the unit of natural logarithms.';
const KL_IS = 'How far the vectors move the probabilities of the next token: 0 where they change nothing.';

/** The tokens of a cell of a prompt's lens: the likeliest, or those that the vectors change most. */
function listedTokens({ lens }: PromptReading, cell: number, side: Side): Listed[] {
  const { k, base, steered } = lens;
  const part = (array: ArrayLike<number> | undefined) =>
    Array.from({ length: k }, (_, i) => (array ? Math.exp(array[cell * k + i] as number) : undefined));
  const ids = (array: Uint32Array) => array.subarray(cell * k, (cell + 1) * k);
  const ofBase = (): Listed[] => {
    const [own, other] = [part(base.logp), part(base.otherLogp)];
    return Array.from(ids(base.ids), (id, i) => ({
      id,
      base: own[i]!,
      ...(other[i] !== undefined && { steered: other[i] }),
    }));
  };
  if (side === 'base' || !steered) return ofBase();
  const [own, other] = [part(steered.logp), part(steered.otherLogp)];
  const ofSteered = Array.from(ids(steered.ids), (id, i) => ({ id, base: other[i]!, steered: own[i]! }));
  if (side === 'steered') return ofSteered;
  const all = new Map<number, Listed>([...ofBase(), ...ofSteered].map((listed) => [listed.id, listed]));
  const change = ({ base: p = 0, steered: q = 0 }: Listed) => Math.abs(q - p);
  return [...all.values()].sort((a, b) => change(b) - change(a)).slice(0, k);
}

/** The panel beside the map: what comes next, as one layer at one token has it. */
export function CellTokens({
  found,
  row,
  column,
  side,
}: {
  readonly found: PromptReading;
  readonly row: number;
  readonly column: number;
  readonly side: Side;
}) {
  const { lens, names, tokens } = found;
  const cell = row * lens.tokens + column;
  const { entropy } = side === 'base' ? lens.base : (lens.steered ?? lens.base);
  const listed = listedTokens(found, cell, side);
  return (
    <section class="inside-cell" aria-label="Tokens of the cell">
      <h3>
        {row === 0 ? 'Embedding' : `After layer ${row - 1}`}, token {column}{' '}
        <span class="inside-token">{inline(tokens[column]?.text ?? '')}</span>
      </h3>
      <p class="sub">
        {side === 'difference' ? 'What the vectors change most' : 'Likeliest next tokens'} ·{' '}
        <Tooltip text={ENTROPY_IS}>entropy {(entropy[cell] as number).toFixed(2)} nats</Tooltip>
        {lens.kl && (
          <>
            {' '}
            · <Tooltip text={KL_IS}>KL(steered ‖ base) {(lens.kl[cell] as number).toFixed(3)} nats</Tooltip>
          </>
        )}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Token</th>
            <th scope="col">{side === 'difference' ? 'Base and steered' : 'Probability'}</th>
            <th scope="col" class="inside-number">
              {side === 'difference' ? 'Change' : <span class="unseen">in percent</span>}
            </th>
          </tr>
        </thead>
        <tbody>
          {listed.map(({ id, base = 0, steered = 0 }) => (
            <tr key={id}>
              <td>
                <span class="inside-token">{inline(names.get(id) ?? `<${id}>`)}</span>
              </td>
              <td class="inside-bars">
                {side !== 'steered' && <i class="base" style={{ width: `${100 * base}%` }} />}
                {side !== 'base' && <i class="steered" style={{ width: `${100 * steered}%` }} />}
              </td>
              <td class="inside-number">
                {side === 'difference' ? points(steered - base) : share(side === 'base' ? base : steered)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** `+12.3`, `−0.4`: points of a percent. */
function points(change: number): string {
  return `${change < 0 ? '−' : '+'}${Math.abs(100 * change).toFixed(1)}`;
}
