//! The server from outside: over sockets, as its clients see it; at the command line, as its operators do.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod console;
#[cfg(test)]
mod day;
#[cfg(test)]
mod http;
#[cfg(test)]
mod log;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod site;
#[cfg(test)]
mod source;
#[cfg(test)]
mod sso;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod two_factor;
