// Rows of any length, float by float: same names as in unit4.wgsl.
alias Unit = f32;
alias Wide = f32;
const WIDTH = 1u;
fn unit_sum(v: Unit) -> f32 { return v; }
fn unit_even(a: Unit, b: Unit) -> Unit { return a; }
fn unit_odd(a: Unit, b: Unit) -> Unit { return b; }
fn unit_of(v: vec4f, at: u32) -> Unit { return v[at & 3u]; }

fn wide(a: Unit, b: Unit, c: Unit, d: Unit) -> Wide { return a; }
fn part0(v: Wide) -> Unit { return v; }
fn part1(v: Wide) -> Unit { return v; }
fn part2(v: Wide) -> Unit { return v; }
fn part3(v: Wide) -> Unit { return v; }
fn wide_times(a: Wide, b: Wide) -> Wide { return a * b; }
fn wide_dots(sum: Unit, a: Wide, b: Wide) -> Unit { return sum + a * b; }
