// Rows whose length is a multiple of 4 are read four floats at a time.
alias Unit = vec4f;
const WIDTH = 4u;
fn unit_sum(v: Unit) -> f32 { return (v.x + v.y) + (v.z + v.w); }
// Of the eight numbers in a, b: those at even places, those at odd places.
fn unit_even(a: Unit, b: Unit) -> Unit { return Unit(a.xz, b.xz); }
fn unit_odd(a: Unit, b: Unit) -> Unit { return Unit(a.yw, b.yw); }
// The unit that starts at column `at` of a row, from the four columns around it.
fn unit_of(v: vec4f, at: u32) -> Unit { return v; }
