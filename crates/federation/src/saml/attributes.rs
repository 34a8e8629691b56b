//! Names, addresses and groups out of an assertion's attributes.
