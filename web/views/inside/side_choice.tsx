import { Choice } from '../../ui/fields.tsx';
import { side } from './state.ts';

/** Without the vectors, with them, or what they change. */
export function SideChoice() {
  return (
    <Choice
      label="Which side"
      quiet
      value={side.value}
      options={{ base: 'Base', steered: 'Steered', difference: 'Difference' }}
      onChange={(value) => {
        side.value = value;
      }}
    />
  );
}
