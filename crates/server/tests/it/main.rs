//! The server from outside: over sockets, as its clients see it; at the command line, as its operators do.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod http;
#[cfg(test)]
mod settings;
