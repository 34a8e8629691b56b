//! The server from outside: over sockets, as its clients see it.

#[cfg(test)]
mod http;
