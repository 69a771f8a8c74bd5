// g * sigmoid(g). With e = exp(-|g|) <= 1 neither sigmoid(g) nor 1 - sigmoid(g) overflows or cancels.

fn silu(g: Unit) -> Unit {
  let e = exp(-abs(g));
  return select(e, Unit(1.0), g >= Unit(0.0)) / (1.0 + e) * g;
}
