// Rows whose length is a multiple of 4 are read four floats at a time. A unit is what is added and multiplied at once; a `Wide`
// is what is loaded and stored at once: here the same, in unit16.wgsl four units.
alias Unit = vec4f;
alias Wide = vec4f;
const WIDTH = 4u;
fn unit_sum(v: Unit) -> f32 { return (v.x + v.y) + (v.z + v.w); }
// Of the eight numbers in a, b: those at even places, those at odd places.
fn unit_even(a: Unit, b: Unit) -> Unit { return Unit(a.xz, b.xz); }
fn unit_odd(a: Unit, b: Unit) -> Unit { return Unit(a.yw, b.yw); }
// The unit that starts at column `at` of a row, from the four columns around it.
fn unit_of(v: vec4f, at: u32) -> Unit { return v; }

// The first WIDTH numbers of four units, and the four parts of a `Wide`, which may be all the same.
fn wide(a: Unit, b: Unit, c: Unit, d: Unit) -> Wide { return a; }
fn part0(v: Wide) -> Unit { return v; }
fn part1(v: Wide) -> Unit { return v; }
fn part2(v: Wide) -> Unit { return v; }
fn part3(v: Wide) -> Unit { return v; }
fn wide_times(a: Wide, b: Wide) -> Wide { return a * b; }
// sum + a * b, unit after unit.
fn wide_dots(sum: Unit, a: Wide, b: Wide) -> Unit { return sum + a * b; }
