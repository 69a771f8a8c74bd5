// Two floats at a time, for what holds pairs of them in a word and has rows of no multiple of 4: same names as in unit4.wgsl.
alias Unit = vec2f;
fn unit_even(a: Unit, b: Unit) -> Unit { return Unit(a.x, b.x); }
fn unit_odd(a: Unit, b: Unit) -> Unit { return Unit(a.y, b.y); }
