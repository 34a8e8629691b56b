//! What holds when something fails: real processes and real sockets, killed, frozen, cut off, filled up. One story at a time, for they
//! measure.
//!
//! `FAULT_ROUNDS=50 cargo test --release -p purser-server --test faults killed` kills the server as often as the promise says.

#[cfg(test)]
mod beside;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod start_and_stop;
#[cfg(test)]
mod store_away;
#[cfg(test)]
mod wire;
