//! netcat that knows where messages end.

fn main() {}
