//! The GraphQL face through its one door, over a real system.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod managing;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod users;
#[cfg(test)]
mod work;
#[cfg(test)]
mod world;
