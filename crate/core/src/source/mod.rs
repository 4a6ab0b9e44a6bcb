//! Reading at an offset.
