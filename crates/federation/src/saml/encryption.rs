//! Opening encrypted assertions.
