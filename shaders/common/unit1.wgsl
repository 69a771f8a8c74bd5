// Rows of any length, float by float: same names as in unit4.wgsl.
alias Unit = f32;
const WIDTH = 1u;
fn unit_sum(v: Unit) -> f32 { return v; }
fn unit_even(a: Unit, b: Unit) -> Unit { return a; }
fn unit_odd(a: Unit, b: Unit) -> Unit { return b; }
fn unit_of(v: vec4f, at: u32) -> Unit { return v[at & 3u]; }
