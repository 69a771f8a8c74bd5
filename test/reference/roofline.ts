/** Four chains of 32 multiply-adds a step from a lane's index within its workgroup of 64, four from the next number. */
export function multiplyAdd(lanes: number, steps: number): Float64Array {
  return Float64Array.from({ length: lanes }, (_, lane) => {
    let [a, b] = [lane % 64, (lane % 64) + 1];
    for (let i = 0; i < 32 * steps; i++) {
      a = 0.75 * a + 0.25;
      b = 0.75 * b + 0.25;
    }
    return 4 * a + 4 * b;
  });
}
