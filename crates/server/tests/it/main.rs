//! The server from outside: over sockets, as its clients see it.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod http;
#[cfg(test)]
mod log;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod site;
#[cfg(test)]
mod source;
#[cfg(test)]
mod sweep;
