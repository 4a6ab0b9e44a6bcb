//! Call stacks: unwinding, trap frames, honest scans.
