//! `purser-standin`: runs one of the stand-ins by itself.

fn main() {}
