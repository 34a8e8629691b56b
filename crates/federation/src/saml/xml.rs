//! The one way XML is read here: guarded, parsed once, and read without guessing.
