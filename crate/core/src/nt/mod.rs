//! The kernel's own structures.
