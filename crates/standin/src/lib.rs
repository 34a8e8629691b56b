//! Stand-ins for the systems that Purser talks to, for tests: they answer as the real ones do, and lie when told to.
