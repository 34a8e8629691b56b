//! Hostile responses are refused, each for the one thing that is wrong with it.
