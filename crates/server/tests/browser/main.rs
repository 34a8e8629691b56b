//! Signing in with real parts: real processes of the server, real identity providers from npm, a real browser. `./test` provides them
//! all; where one is missing the tests fail and say which.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod chromium;
#[cfg(test)]
mod comfort;
#[cfg(test)]
mod console;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod helper;
#[cfg(test)]
mod microsoft;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod openid;
#[cfg(test)]
mod parts;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod saml;
#[cfg(test)]
mod visitor;
#[cfg(test)]
mod window;
